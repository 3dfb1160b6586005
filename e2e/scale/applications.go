package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	bench0   = "bench" // the namespace of the tools' service accounts and leases
	crowd    = 50      // applications in a namespace
	hands    = 16      // requests at the same time
	imageOf  = "/spec/template/spec/containers/0/image"
	patience = 30 * time.Second // for one request
	glance   = 5 * time.Second  // between two looks at how far all are
	pageOf   = 1000
)

func namespaceOf(i int) string { return fmt.Sprintf("shop-%03d", i/crowd) }
func nameOf(i int) string      { return fmt.Sprintf("app-%05d", i) }

// namespaces makes the namespaces of n applications.
func namespaces(ctx context.Context, c client.Client, n int) error {
	names := []string{bench0, "argo-rollouts"} // which wants its lease there
	for i := 0; i < n; i += crowd {
		names = append(names, namespaceOf(i))
	}
	return each(ctx, len(names), func(ctx context.Context, i int) error {
		ns := &unstructured.Unstructured{}
		ns.SetAPIVersion("v1")
		ns.SetKind("Namespace")
		ns.SetName(names[i])
		return c.Create(ctx, ns)
	})
}

// applications makes n of them from a tool's manifests.
func applications(ctx context.Context, c client.Client, tool string, n int) error {
	manifest, err := manifests.ReadFile("manifests/" + tool + ".yaml")
	if err != nil {
		return err
	}
	return each(ctx, n, func(ctx context.Context, i int) error {
		filled := os.Expand(string(manifest), func(word string) string {
			return map[string]string{"NAME": nameOf(i), "NAMESPACE": namespaceOf(i)}[word]
		})
		objects, err := decode(strings.NewReader(filled))
		if err != nil {
			return err
		}
		for _, o := range objects {
			if err := c.Create(ctx, o); err != nil {
				return fmt.Errorf("make %s %s: %w", o.GetKind(), o.GetName(), err)
			}
		}
		return nil
	})
}

// revise gives the first n applications a new revision.
func revise(ctx context.Context, c client.Client, target schema.GroupVersionKind, n int, image string) error {
	patch, err := json.Marshal([]map[string]string{{"op": "replace", "path": imageOf, "value": image}})
	if err != nil {
		return err
	}
	return each(ctx, n, func(ctx context.Context, i int) error {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(target)
		o.SetNamespace(namespaceOf(i))
		o.SetName(nameOf(i))
		return c.Patch(ctx, o, client.RawPatch(types.JSONPatchType, patch))
	})
}

// define makes kinds known and waits until the API server serves them.
func define(ctx context.Context, c client.Client, files []string) error {
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		objects, err := decode(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		for _, o := range objects {
			if o.GetKind() != "CustomResourceDefinition" {
				continue
			}
			if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("scale")); err != nil {
				return fmt.Errorf("define %s: %w", o.GetName(), err)
			}
			if err := until(ctx, 100*time.Millisecond, func() (bool, error) {
				err := c.Get(ctx, client.ObjectKeyFromObject(o), o)
				return condition(*o, "Established") == "True", err
			}); err != nil {
				return fmt.Errorf("define %s: %w", o.GetName(), err)
			}
		}
	}
	return nil
}

func decode(from io.Reader) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for d := yaml.NewYAMLOrJSONDecoder(from, 4096); ; {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if o.Object != nil {
			all = append(all, o)
		}
	}
}

// each does something for 0 to n-1 with some hands.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(hands)
	for i := range n {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return do(ctx, i)
		})
	}
	return g.Wait()
}

// until asks again and again until the answer is yes.
func until(ctx context.Context, every time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if yes, err := ask(); err != nil || yes {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// count lists the objects of a kind, page by page, and counts words about them.
func count(ctx context.Context, c client.Client, kind schema.GroupVersionKind, word func(unstructured.Unstructured) string) (map[string]int, error) {
	found := map[string]int{}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	for next := ""; ; {
		if err := c.List(ctx, list, client.Limit(pageOf), client.Continue(next)); err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.Kind, err)
		}
		for _, o := range list.Items {
			found[word(o)]++
		}
		if next = list.GetContinue(); next == "" {
			return found, nil
		}
	}
}
