package main

import (
	"embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

//go:embed manifests
var manifests embed.FS

// A tool is what is measured.
type tool struct {
	title   string
	part    string // of e2e/cluster that has its program; empty: it is serin
	program string
	args    func(kubeconfig string) []string
	needs   []string // parts
	crds    []string // PART/GLOB; serin's are the project's own

	watched schema.GroupVersionKind                     // the objects that tell how it stands
	target  schema.GroupVersionKind                     // the objects whose template makes a revision
	rests   func(unstructured.Unstructured) bool        // its last release is over
	moves   func(unstructured.Unstructured) (at string) // where a release under way stands; empty: none is
}

func tools() map[string]tool {
	deployment := schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	rollout := schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}
	return map[string]tool{
		"serin": {
			title: "serin",
			args: func(kubeconfig string) []string {
				return []string{"controller", "--kubeconfig", kubeconfig, "--leader-namespace", bench0, "--log-text", "--memory-limit", "512Mi"} // the chart's
			},
			needs: []string{"traefik"}, crds: []string{"traefik/crds/gateway*.yaml"},
			watched: schema.GroupVersionKind{Group: "serin.dev", Version: "v1alpha1", Kind: "Canary"}, target: deployment,
			rests: func(o unstructured.Unstructured) bool { return condition(o, "Ready") == "True" },
			moves: func(o unstructured.Unstructured) string {
				if condition(o, "Reconciling") != "True" {
					return ""
				}
				return "under way"
			},
		},
		"flagger": {
			title: "Flagger v1.44.0", part: "flagger", program: "flagger",
			args: func(kubeconfig string) []string {
				// Its own 100 requests per second are less than 1,000 Canaries ask for, and its leader election, which has to share
				// them, loses its lease.
				return []string{"-kubeconfig", kubeconfig, "-mesh-provider", "gatewayapi:v1", "-log-level", "info", "-kubeconfig-qps", "500", "-kubeconfig-burst", "1000"}
			},
			needs: []string{"traefik", "flagger"}, crds: []string{"traefik/crds/gateway*.yaml", "flagger/crds/*.yaml"},
			watched: schema.GroupVersionKind{Group: "flagger.app", Version: "v1beta1", Kind: "Canary"}, target: deployment,
			rests: func(o unstructured.Unstructured) bool {
				phase := text(o, "status", "phase")
				return phase == "Initialized" || phase == "Succeeded"
			},
			moves: func(o unstructured.Unstructured) string {
				if text(o, "status", "phase") != "Progressing" {
					return ""
				}
				weight, _, _ := unstructured.NestedInt64(o.Object, "status", "canaryWeight")
				return fmt.Sprintf("%d%%", weight)
			},
		},
		"argo-rollouts": {
			title: "Argo Rollouts v1.10.2", part: "argo-rollouts", program: "rollouts-controller",
			args:  func(kubeconfig string) []string { return []string{"--kubeconfig", kubeconfig} },
			needs: []string{"istio", "argo-rollouts"}, crds: []string{"istio/crds/*.yaml", "argo-rollouts/crds/*.yaml"},
			watched: rollout, target: rollout,
			rests: func(o unstructured.Unstructured) bool { return text(o, "status", "phase") == "Healthy" },
			moves: func(o unstructured.Unstructured) string {
				if phase := text(o, "status", "phase"); phase != "Paused" && phase != "Progressing" {
					return ""
				}
				step, _, _ := unstructured.NestedInt64(o.Object, "status", "currentStepIndex")
				return fmt.Sprintf("step %d", step)
			},
		},
	}
}

// names lists the tools in the order in which they are measured.
func names() []string {
	all := slices.Sorted(maps.Keys(tools()))
	slices.Reverse(all)
	return all
}

// definitions lists the files of the kinds that a tool works with.
func (t tool) definitions(parts map[string]string) ([]string, error) {
	globs := []string{}
	if t.part == "" {
		globs = append(globs, "deploy/crds/*.yaml")
	}
	for _, c := range t.crds {
		for name, dir := range parts {
			if rest, ok := strings.CutPrefix(c, name+"/"); ok {
				globs = append(globs, filepath.Join(dir, rest))
			}
		}
	}
	var all []string
	for _, g := range globs {
		files, err := filepath.Glob(g)
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no file is called %s (%w)", g, err)
		}
		all = append(all, files...)
	}
	return all, nil
}

func text(o unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

func condition(o unstructured.Unstructured, kind string) string {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			status, _ := c["status"].(string)
			return status
		}
	}
	return ""
}
