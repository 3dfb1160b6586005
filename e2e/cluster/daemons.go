package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/e2e/cluster/internal/node"
	"serin.dev/serin/e2e/cluster/internal/registry"
)

func statusCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "tell which daemons run",
		Args:    cobra.NoArgs,
		PreRunE: asRoot,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := running(*name)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, d := range s.Status(c.Context()) {
				fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, d.State, d.Log)
			}
			return w.Flush()
		},
	}
}

func stopCommand(name *string) *cobra.Command {
	return daemonCommand(name, "stop", "stop one daemon alone, as a test of what happens without it", (*node.Cluster).Stop)
}

func startCommand(name *string) *cobra.Command {
	return daemonCommand(name, "start", "start one daemon again and wait until it serves", (*node.Cluster).Start)
}

func daemonCommand(name *string, verb, short string, do func(*node.Cluster, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:       verb + " DAEMON",
		Short:     short,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: node.Daemons(),
		PreRunE:   asRoot,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := running(*name)
			if err != nil {
				return err
			}
			return do(s.Cluster, c.Context(), args[0])
		},
	}
}

// registryCommand is the cluster's registry: one of its daemons, started by up.
func registryCommand() *cobra.Command {
	var dir, address string
	c := &cobra.Command{
		Use:    "registry",
		Short:  "serve images",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			images, err := registry.Open(dir)
			if err != nil {
				return err
			}
			defer images.Close()
			server := &http.Server{Addr: address, Handler: images, ReadHeaderTimeout: 10 * time.Second}
			context.AfterFunc(c.Context(), func() { server.Close() })
			if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where images are kept")
	c.Flags().StringVar(&address, "listen", "", "address to serve on")
	return c
}
