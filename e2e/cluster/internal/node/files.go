package node

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"serin.dev/serin/e2e/cluster/internal/pki"
)

//go:embed templates
var templates embed.FS

// files are written before the daemons start: path in the cluster's directory -> template.
var files = map[string]string{
	"containerd/config.toml":      "containerd.toml",
	"certs.d/_default/hosts.toml": "hosts.toml",
	"cni/10-bridge.conflist":      "cni.conflist",
	"kubelet/config.yaml":         "kubelet.yaml",
}

// write makes the cluster's directory with everything in it that the daemons read. It is safe to repeat.
func (c *Cluster) write() error {
	for _, dir := range []string{"run", "logs", "registry", "containerd", "kubelet", "cni", "runc"} {
		if err := os.MkdirAll(c.Path(dir), 0o755); err != nil {
			return err
		}
	}
	for path, name := range files {
		text, err := fill(templates, "templates/"+name, c)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(c.Path(path)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(c.Path(path), text, 0o644); err != nil {
			return err
		}
	}
	err := pki.Write(c.Path("pki"), pki.Server{
		Names: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"},
		IPs:   []string{NodeIP, apiIP, "127.0.0.1"},
	})
	if err != nil {
		return err
	}
	return c.writeToken()
}

// writeToken makes the administrator's token, and the two files that know it.
func (c *Cluster) writeToken() error {
	if _, err := os.Stat(c.Kubeconfig()); err == nil {
		return nil
	}
	token := rand.Text()
	line := fmt.Sprintf("%s,admin,admin,system:masters\n", token)
	if err := os.WriteFile(c.Path("pki/tokens.csv"), []byte(line), 0o600); err != nil {
		return err
	}
	text, err := fill(templates, "templates/kubeconfig.yaml", struct {
		*Cluster
		Token string
	}{c, token})
	if err != nil {
		return err
	}
	return os.WriteFile(c.Kubeconfig(), text, 0o600)
}

// fill renders a template.
func fill(in fs.FS, path string, with any) ([]byte, error) {
	t, err := template.New(filepath.Base(path)).Option("missingkey=error").ParseFS(in, path)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, with); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", path, err)
	}
	return text.Bytes(), nil
}
