package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/demo"
)

func demoCommand() *cobra.Command {
	o := demo.Options{Version: version}
	c := &cobra.Command{
		Use: "demo", Short: "release a good and a bad version of a real application on this machine, under load",
		Long: "demo runs podinfo behind serin's proxy, sends it requests, and releases two new versions: a good one, which is promoted, and one\n" +
			"with podinfo's own faults, which is rolled back. It exits 0 only if both end so and no request was lost on the way.",
		Example: "  serin demo --app bin/podinfo", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(demo.Faults(), o.Fault) {
				return fmt.Errorf("no fault %q; there are %s", o.Fault, strings.Join(demo.Faults(), ", "))
			}
			if _, err := os.Stat(o.App); err != nil {
				return fmt.Errorf("the demo needs the podinfo binary: %w; `make bin/podinfo` builds it", err)
			}
			return showDemo(c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.App, "app", "bin/podinfo", "the podinfo binary")
	f.StringVar(&o.Fault, "fault", "errors", "what the bad version does: "+strings.Join(demo.Faults(), " or "))
	f.StringVar(&o.Dir, "dir", "", "directory of its files (default a temporary one)")
	f.StringVar(&o.Listen, "listen", "", "address the application is served at (default a free port of 127.0.0.1)")
	f.Float64Var(&o.Rate, "rate", 200, "requests per second")
	f.BoolVar(&o.Stay, "stay", false, "keep it running at the end")
	return c
}

func showDemo(c *cobra.Command, o demo.Options) (err error) {
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "serin-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Dir)
	}
	if o.Listen == "" {
		if o.Listen, err = demo.FreeAddress(); err != nil {
			return err
		}
	}
	o.Out, o.Live = os.Stdout, live(os.Stdout)
	sum, err := demo.Run(c.Context(), o)
	if err != nil {
		return err
	}
	if !sum.OK() {
		return exit{1, "the demo did not show what it promises"}
	}
	return nil
}

// live shows releases on a terminal, or in the log of a build.
func live(out *os.File) *cli.Live {
	tty := term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb"
	size := func() (width, height int) {
		width, height, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}
	l := cli.NewLive(out, tty, func() int { width, _ := size(); return width })
	l.Style = cli.StyleFor(os.Getenv, tty)
	if tty {
		l.Height = func() int { _, height := size(); return height }
	}
	return l
}
