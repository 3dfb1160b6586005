package addon

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"serin.dev/serin/e2e/cluster/internal/node"
)

//go:embed manifests
var manifests embed.FS

// An Addon is a part that is installed in a running cluster.
type Addon struct {
	Name     string // of its part and of its manifests
	Program  string // of the part, which becomes an image
	Workload string // what must be there before it is called up
	In       string // the namespace of the workload
	Address  string // for people: where it answers inside the cluster's network
}

// all are the add-ons in the order in which they are installed.
var all = []Addon{
	{
		Name: "traefik", Program: "traefik", In: "traefik", Workload: "deployment/traefik",
		Address: "HTTP http://10.98.0.80 (Gateway traefik/web), API and metrics http://10.98.0.80:8080",
	},
	{
		Name: "prometheus", Program: "prometheus", In: "monitoring", Workload: "deployment/prometheus",
		Address: "http://10.98.0.90:9090, in pods http://prometheus.monitoring:9090",
	},
	{
		Name: "istio", Program: "istiod", In: "istio-system", Workload: "deployment/istiod",
		Address: "plaintext ADS 10.99.0.1:15010, in pods istiod.istio-system:15010; debug http://127.0.0.1:15080/debug",
	},
	{
		Name: "metrics-server", Program: "metrics-server", In: "kube-system", Workload: "deployment/metrics-server",
		Address: "kubectl top",
	},
}

// Names lists the add-ons.
func Names() []string {
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
	}
	return names
}

// Named finds add-ons by name.
func Named(names []string) ([]Addon, error) {
	for _, n := range names {
		if !slices.Contains(Names(), n) {
			return nil, fmt.Errorf("no add-on is called %q: there are %v", n, Names())
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(a Addon) bool { return !slices.Contains(names, a.Name) }), nil
}

// installLimit is how long an add-on may take to be there; it takes seconds.
const installLimit = 4 * time.Minute

// Install brings the add-on's image and manifests in and waits until it runs. It is safe to repeat.
func (a Addon) Install(ctx context.Context, c *node.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	if err := c.LoadPart(ctx, a.Name, a.Program); err != nil {
		return err
	}
	if err := a.define(ctx, c); err != nil {
		return err
	}
	if err := c.ApplyFile(ctx, a.Name+".yaml", manifests, "manifests/"+a.Name+".yaml"); err != nil {
		return err
	}
	return c.Rollout(ctx, a.In, a.Workload)
}

// define applies the definitions that came with the part, if any, and waits until the API server serves them.
func (a Addon) define(ctx context.Context, c *node.Cluster) error {
	files, err := filepath.Glob(c.Parts.Program(a.Name, "crds/*"))
	if err != nil || len(files) == 0 {
		return err
	}
	var all bytes.Buffer
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		all.WriteString("---\n")
		all.Write(text)
		all.WriteString("\n")
	}
	if err := c.Apply(ctx, all.Bytes()); err != nil {
		return fmt.Errorf("apply its definitions: %w", err)
	}
	return c.Established(ctx)
}
