package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/e2e/cluster/internal/addon"
	"serin.dev/serin/e2e/cluster/internal/part"
)

// bare are the parts of a cluster without add-ons, and what `cluster run` offers.
var bare = []string{"kubernetes", "etcd", "coredns", "pause", "helm"}

func upCommand(name *string) *cobra.Command {
	var with []string
	var alone bool
	c := &cobra.Command{
		Use:     "up",
		Short:   "bring the cluster up, or what of it is missing",
		Args:    cobra.NoArgs,
		PreRunE: asRoot,
		RunE: func(c *cobra.Command, _ []string) error {
			if alone {
				return upAlone(c, *name)
			}
			return up(c, *name, with)
		},
	}
	c.Flags().StringSliceVar(&with, "with", nil, fmt.Sprintf("add-ons to install too: %v", addon.Names()))
	c.Flags().BoolVar(&alone, "control-plane", false, "etcd, API server and controller manager alone: no node, and a log of who asks for what")
	c.MarkFlagsMutuallyExclusive("control-plane", "with")
	return c
}

func up(c *cobra.Command, name string, with []string) error {
	addons, err := addon.Named(with)
	if err != nil {
		return err
	}
	s, err := open(name)
	if err != nil {
		return err
	}
	parts, err := part.Named(slices.Concat(bare, with)...)
	if err != nil {
		return err
	}
	if err := installPackages(c.Context(), c.ErrOrStderr()); err != nil {
		return err
	}
	if err := s.cache.Build(c.Context(), parts...); err != nil {
		return err
	}
	unlock, err := s.cache.Lock("cluster-" + name)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	if err := s.Up(c.Context()); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "cluster %s is up after %s; KUBECONFIG=%s, inside its network (cluster run)\n",
		name, time.Since(began).Round(100*time.Millisecond), s.Kubeconfig())
	for _, a := range addons {
		began := time.Now()
		if err := a.Install(c.Context(), s.Cluster); err != nil {
			return fmt.Errorf("install %s: %w", a.Name, err)
		}
		fmt.Fprintf(c.ErrOrStderr(), "%s is up after %s: %s\n", a.Name, time.Since(began).Round(100*time.Millisecond), a.Address)
	}
	return nil
}

func upAlone(c *cobra.Command, name string) error {
	s, err := open(name)
	if err != nil {
		return err
	}
	parts, err := part.Named("kubernetes", "etcd", "helm")
	if err != nil {
		return err
	}
	if err := s.cache.Build(c.Context(), parts...); err != nil {
		return err
	}
	unlock, err := s.cache.Lock("cluster-" + name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.UpAlone(c.Context()); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "control plane %s is up; KUBECONFIG=%s, inside its network (cluster run); requests: %s\n",
		name, s.Kubeconfig(), s.AuditLog())
	return nil
}

func downCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		Short:   "end the cluster and leave nothing of it",
		Args:    cobra.NoArgs,
		PreRunE: asRoot,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := open(*name)
			if err != nil {
				return err
			}
			unlock, err := s.cache.Lock("cluster-" + *name)
			if err != nil {
				return err
			}
			defer unlock()
			return s.Down(c.Context())
		},
	}
}

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build [PART...]",
		Short: "build parts into the cache and print where they are; all parts when none is named",
		RunE: func(c *cobra.Command, names []string) error {
			parts, err := part.Named(names...)
			if err != nil {
				return err
			}
			cache, err := part.Open(c.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := cache.Build(c.Context(), parts...); err != nil {
				return err
			}
			for _, p := range parts {
				path, err := cache.Path(p)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), path)
			}
			return nil
		},
	}
}
