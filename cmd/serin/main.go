// Serin releases software safely: it shifts a little traffic to the new version, judges it on evidence, and goes on or
// goes back by itself. This file is the way in: flags, then one call into the house.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	if err == nil {
		return
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		if text := err.Error(); text != "" {
			fmt.Fprintln(os.Stderr, "serin: "+text)
		}
		os.Exit(coded.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "serin: "+err.Error())
	os.Exit(1)
}

// root lists all commands in groups, as people look for them.
func root() *cobra.Command {
	c := &cobra.Command{
		Use:           name(),
		Short:         "releases software safely",
		Long:          "serin shifts a little traffic to a new version, judges it on evidence, and goes on or goes back by itself.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddGroup(
		&cobra.Group{ID: "run", Title: "Release:"},
		&cobra.Group{ID: "write", Title: "Write and check:"},
		&cobra.Group{ID: "see", Title: "See and act:"},
		&cobra.Group{ID: "tool", Title: "Tools:"},
	)
	grouped(c, "run", runCommand(), controllerCommand(), demoCommand())
	grouped(c, "write", planCommand(), lintCommand(), simulateCommand(), replayCommand())
	grouped(c, "see", seeCommands()...)
	grouped(c, "tool", judgeCommand(), kayentaCommand(), loadtestCommand(), versionCommand())
	c.SetCompletionCommandGroupID("tool")
	c.SetHelpCommandGroupID("tool")
	return c
}

func grouped(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// name is how the user called us: the same program answers as a kubectl plugin.
func name() string {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "kubectl-") {
		return "kubectl serin"
	}
	return "serin"
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			built := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				built = info.GoVersion
			}
			fmt.Fprintf(c.OutOrStdout(), "serin %s (%s)\n", version, built)
			return nil
		},
	}
}
