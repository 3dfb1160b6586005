package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
)

// Namespace is where the documentation and the base put serin.
const Namespace = "serin-system"

// Render lets helm render a chart, with further arguments of `helm template`.
func Render(ctx context.Context, helm, chart string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, helm, append([]string{"template", "serin", chart, "--namespace", Namespace}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("render %s: %w: %s", chart, err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}
