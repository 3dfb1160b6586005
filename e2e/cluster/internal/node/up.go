package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"serin.dev/serin/e2e/cluster/internal/image"
)

const nodeName = "node1"

// upLimit is how long a built cluster may take to come up; it takes seconds.
const upLimit = 3 * time.Minute

// Up brings the cluster up, or whatever of it is missing.
func (c *Cluster) Up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	if err := c.write(); err != nil {
		return fmt.Errorf("write %s: %w", c.Dir, err)
	}
	if err := c.Namespace().Create(nodeNet); err != nil {
		return err
	}
	if err := c.makeCgroups(); err != nil {
		return fmt.Errorf("make control groups %s: %w", c.Cgroup(), err)
	}
	if err := c.start(c.registry(), c.containerd(), c.etcd(), c.apiserver()); err != nil {
		return err
	}
	images := make(chan error, 1)
	go func() { images <- c.loadOwn(ctx) }() // while the API server starts
	if err := c.await(ctx, c.etcd(), c.apiserver(), c.containerd()); err != nil {
		return err
	}
	others := []daemon{c.controllerManager(), c.scheduler(), c.kubelet(), c.proxy()}
	if err := c.start(others...); err != nil {
		return err
	}
	if err := <-images; err != nil {
		return err
	}
	if err := c.ApplyFile(ctx, "dns.yaml", templates, "templates/dns.yaml"); err != nil {
		return err
	}
	if err := c.await(ctx, others...); err != nil {
		return err
	}
	if err := eventually(ctx, func() error { return c.nodeReady(ctx) }); err != nil {
		return fmt.Errorf("wait for node %s: %w", nodeName, err)
	}
	return c.Rollout(ctx, "kube-system", "deployment/coredns")
}

func (c *Cluster) loadOwn(ctx context.Context) error {
	if err := c.await(ctx, c.registry()); err != nil {
		return err
	}
	if err := c.LoadPart(ctx, "pause", "pause"); err != nil {
		return err
	}
	return c.LoadPart(ctx, "coredns", "coredns")
}

// LoadPart brings the image of a part's program into the registry, unless it is there.
func (c *Cluster) LoadPart(ctx context.Context, part, program string) error {
	p := image.Program{Binary: c.Parts.Program(part, program), Name: c.Image(part)}
	if there, err := c.Images().Holds(ctx, p.Name); err != nil || there {
		return err
	}
	img, err := p.Image()
	if err != nil {
		return err
	}
	_, err = c.Images().Push(ctx, p.Name, img)
	return err
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	out, err := c.kubectl(ctx, nil, "get", "node", nodeName, "-o", "json")
	if err != nil {
		return err
	}
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := json.Unmarshal(out, &node); err != nil {
		return err
	}
	for _, cond := range node.Status.Conditions {
		if cond.Type == "Ready" && cond.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("not ready: %v", node.Status.Conditions)
}
