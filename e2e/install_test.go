package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// install gives the controller of a namespace the account and the permissions that the chart gives it there, and returns a
// kubeconfig of that account: what the chart forgets is missed here.
func (h *house) install(ctx context.Context, ns string, values ...string) (string, error) {
	args := append([]string{"template", ns, "../deploy/chart/serin", "--namespace", ns, "-s", "templates/serviceaccount.yaml", "-s", "templates/roles.yaml"}, values...)
	helm := exec.CommandContext(ctx, "helm", args...)
	var said bytes.Buffer
	helm.Stderr = &said
	manifests, err := helm.Output()
	if err != nil {
		return "", fmt.Errorf("render the chart: %w: %s", err, said.String())
	}
	apply := exec.CommandContext(ctx, "kubectl", "--kubeconfig", h.kubeconfig, "apply", "--namespace", ns, "-f", "-")
	apply.Stdin = bytes.NewReader(manifests)
	if out, err := apply.CombinedOutput(); err != nil {
		return "", fmt.Errorf("apply the chart's permissions: %w: %s", err, out)
	}
	h.mu.Lock()
	h.installed = append(h.installed, ns)
	h.mu.Unlock()
	token, err := h.kubectl(ctx, "create", "token", ns, "--namespace", ns, "--duration", "2h")
	if err != nil {
		return "", err
	}
	config, err := clientcmd.LoadFromFile(h.kubeconfig)
	if err != nil {
		return "", err
	}
	for name := range config.AuthInfos {
		config.AuthInfos[name] = &api.AuthInfo{Token: string(bytes.TrimSpace([]byte(token)))}
	}
	path := filepath.Join(h.dir, ns+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// uninstall removes what does not go with a namespace.
func (h *house) uninstall(ctx context.Context, ns string) error {
	_, err := h.kubectl(ctx, "delete", "--ignore-not-found", "clusterrole/"+ns, "clusterrolebinding/"+ns)
	return err
}
