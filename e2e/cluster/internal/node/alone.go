package node

import (
	"context"
	"fmt"
	"os"
)

// auditPolicy is there in a cluster that is a control plane alone, and says so to whoever starts one of its daemons again.
const auditPolicy = "audit.yaml"

// AuditLog is where the API server of a control plane alone writes a line for each request of a service account.
func (c *Cluster) AuditLog() string { return c.Path("logs/audit.log") }

// alone reports whether the cluster is a control plane and nothing else.
func (c *Cluster) alone() bool {
	_, err := os.Stat(c.Path(auditPolicy))
	return err == nil
}

// UpAlone brings up etcd, the API server and the controller manager, and no node: pods stay what the API server has of them.
// Endpoints and their slices, which nobody would read, are not made. A cluster with a node does not become one without.
func (c *Cluster) UpAlone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	if c.Exists() && !c.alone() {
		return fmt.Errorf("cluster %s has a node: take it down, or bring up another by name", c.Name)
	}
	if err := c.write(); err != nil {
		return fmt.Errorf("write %s: %w", c.Dir, err)
	}
	policy, err := templates.ReadFile("templates/audit.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Path(auditPolicy), policy, 0o644); err != nil {
		return err
	}
	if err := c.Namespace().Create(nodeNet); err != nil {
		return err
	}
	for _, d := range []daemon{c.etcd(), c.apiserver(), c.controllerManager()} {
		if err := c.start(d); err != nil {
			return err
		}
		if err := c.await(ctx, d); err != nil {
			return err
		}
	}
	return nil
}
