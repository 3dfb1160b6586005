package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Status tells what a daemon does.
type Status struct {
	Name, State, Log string
}

// Daemons are the names of the cluster's processes, in the order of their start.
func Daemons() []string {
	return []string{"registry", "containerd", "etcd", "apiserver", "controller-manager", "scheduler", "kubelet", "kube-proxy"}
}

// Stop ends one daemon. The others are left to cope.
func (c *Cluster) Stop(_ context.Context, name string) error {
	return c.daemons().Stop(name, 10*time.Second)
}

// Start starts one daemon and waits until it serves.
func (c *Cluster) Start(ctx context.Context, name string) error {
	all := c.all()
	i := slices.IndexFunc(all, func(d daemon) bool { return d.name == name })
	if i < 0 {
		return fmt.Errorf("no daemon is called %q: there are %s", name, strings.Join(Daemons(), ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := c.start(all[i]); err != nil {
		return err
	}
	return c.await(ctx, all[i])
}

// Status asks each daemon how it is.
func (c *Cluster) Status(ctx context.Context) []Status {
	var all []Status
	for _, d := range c.all() {
		s := Status{Name: d.name, State: "stopped", Log: c.daemons().Log(d.name)}
		if r, running := c.daemons().Running(d.name); running {
			s.State = fmt.Sprintf("running, pid %d", r.PID)
			if err := d.ready(ctx); err != nil {
				s.State += ", not ready: " + err.Error()
			}
		}
		all = append(all, s)
	}
	return all
}
