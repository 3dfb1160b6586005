package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strings"
)

// kubectl runs our own kubectl inside the cluster's network.
func (c *Cluster) kubectl(ctx context.Context, in io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.kubernetes("kubectl"), append([]string{"--kubeconfig", c.Kubeconfig()}, args...)...)
	cmd.Env = append(environment(), "KUBECACHEDIR="+c.Path("run/kubectl"))
	cmd.Stdin = in
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := c.Namespace().Do(cmd.Start); err != nil {
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// Apply applies manifests, on the server's side: some definitions are too large for an annotation.
func (c *Cluster) Apply(ctx context.Context, manifests []byte) error {
	_, err := c.kubectl(ctx, bytes.NewReader(manifests),
		"apply", "--server-side", "--force-conflicts", "--field-manager=serin-cluster", "-f", "-")
	return err
}

// ApplyFile applies a file, in which the cluster's own addresses and names are filled in.
func (c *Cluster) ApplyFile(ctx context.Context, what string, in fs.FS, path string) error {
	text, err := fill(in, path, c)
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, text); err != nil {
		return fmt.Errorf("apply %s: %w", what, err)
	}
	return nil
}

// Rollout waits until a workload is all there.
func (c *Cluster) Rollout(ctx context.Context, namespace, workload string) error {
	_, err := c.kubectl(ctx, nil, "rollout", "status", "--timeout=2m", "-n", namespace, workload)
	return err
}

// Established waits until all custom resources are served.
func (c *Cluster) Established(ctx context.Context) error {
	_, err := c.kubectl(ctx, nil, "wait", "--for=condition=Established", "--timeout=1m", "customresourcedefinitions", "--all")
	return err
}
