// Generate writes what of the chart and of the kustomize base follows from the code. `make chart` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"serin.dev/serin/deploy"
)

func main() {
	dir := flag.String("dir", "deploy", "the directory to write to")
	helm := flag.String("helm", "bin/helm", "the helm to render with")
	flag.Parse()
	if err := generate(context.Background(), *dir, *helm); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, dir, helm string) error {
	chart := filepath.Join(dir, "chart", "serin")
	if err := rules(filepath.Join(chart, "files", "rules.yaml")); err != nil {
		return err
	}
	if err := crds(filepath.Join(dir, "crds"), filepath.Join(chart, "files", "crds")); err != nil {
		return err
	}
	return base(ctx, helm, chart, filepath.Join(dir, "kustomize"))
}

func rules(to string) error {
	r, err := deploy.RulesOfCatalog()
	if err != nil {
		return err
	}
	text, err := r.YAML()
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

func crds(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		generated, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := deploy.ChartCRD(generated)
		if err != nil {
			return fmt.Errorf("take %s into the chart: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func base(ctx context.Context, helm, chart, to string) error {
	rendered, err := deploy.Render(ctx, helm, chart)
	if err != nil {
		return err
	}
	for name, text := range deploy.Base(rendered) {
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
