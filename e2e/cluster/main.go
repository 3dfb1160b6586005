// Cluster starts a real Kubernetes cluster on a bare machine, for the end-to-end tests of serin: see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"serin.dev/serin/e2e/cluster/internal/node"
	"serin.dev/serin/e2e/cluster/internal/part"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: "+err.Error())
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "cluster",
		Short:         "a real Kubernetes cluster on a bare machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	name := c.PersistentFlags().String("name", "serin", "the cluster; several can run side by side")
	c.AddCommand(upCommand(name), downCommand(name), statusCommand(name), buildCommand(), runCommand(name), loadCommand(name),
		stopCommand(name), startCommand(name), registryCommand())
	return c
}

// A site is a cluster with the parts it is made of.
type site struct {
	*node.Cluster
	cache part.Cache
}

// open finds a cluster and the cache of parts.
func open(name string) (site, error) {
	cache, err := part.Open(os.Stderr)
	if err != nil {
		return site{}, err
	}
	cluster, err := node.New(name, cache)
	return site{cluster, cache}, err
}

// running finds a cluster that must be up.
func running(name string) (site, error) {
	s, err := open(name)
	if err == nil && !s.Exists() {
		err = fmt.Errorf("cluster %s is not up: run cluster up --name %s", name, name)
	}
	return s, err
}

// asRoot refuses early what would fail halfway.
func asRoot(*cobra.Command, []string) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces, mounts and control groups need root")
	}
	return nil
}
