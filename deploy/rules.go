package deploy

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
)

// Rules are the permissions of each module, by the word that switches it in the chart's values.
type Rules struct {
	Routers   map[string]cluster.Rules `json:"routers"`
	Workloads map[string]cluster.Rules `json:"workloads"`
	Secrets   cluster.Rules            `json:"secrets"` // in namespaces that opted in
}

// RulesOfCatalog gathers what the drivers that work on a cluster say they need. One that asks for Secrets, or for everything,
// is refused: what it asks for would be granted in the whole cluster.
func RulesOfCatalog() (Rules, error) {
	r := Rules{Routers: map[string]cluster.Rules{}, Workloads: map[string]cluster.Rules{}, Secrets: config.SecretRules()}
	for _, d := range catalog.Routers {
		if !d.Cluster {
			continue
		}
		if err := modest(d.Rules); err != nil {
			return r, fmt.Errorf("rules of router %s: %w", d.Name, err)
		}
		r.Routers[d.Name] = d.Rules
	}
	for _, d := range catalog.Workloads {
		if !d.Cluster {
			continue
		}
		if err := modest(d.Rules); err != nil {
			return r, fmt.Errorf("rules of workload %s: %w", d.Kind, err)
		}
		r.Workloads[word(d.Kind)] = d.Rules
	}
	return r, nil
}

// word is a kind as the chart's values write it: "statefulSet".
func word(kind string) string { return strings.ToLower(kind[:1]) + kind[1:] }

// modest refuses rules that no module may have in the whole cluster.
func modest(rules cluster.Rules) error {
	for _, rule := range rules {
		for _, refused := range refusals {
			if refused.when(rule) {
				return fmt.Errorf("%v of %v in %v: %s", rule.Verbs, rule.Resources, rule.APIGroups, refused.because)
			}
		}
	}
	return nil
}

var refusals = []struct {
	because string
	when    func(rbacv1.PolicyRule) bool
}{
	{"name each group, resource and verb", func(r rbacv1.PolicyRule) bool {
		return names(r.APIGroups, "*") || names(r.Resources, "*") || names(r.Verbs, "*")
	}},
	{"Secrets are for the owner of a namespace to grant", func(r rbacv1.PolicyRule) bool { return names(r.Resources, "secrets") }},
	{"this is a way to more permissions", func(r rbacv1.PolicyRule) bool {
		return names(r.APIGroups, "rbac.authorization.k8s.io") || names(r.Verbs, "escalate", "bind", "impersonate") || names(r.Resources, "pods/exec", "pods/attach")
	}},
}

func names(list []string, refused ...string) bool {
	for _, s := range list {
		for _, r := range refused {
			if s == r {
				return true
			}
		}
	}
	return false
}

const written = "# Written by `make chart` from the drivers of the catalog.\n"

// YAML is the file that the chart reads.
func (r Rules) YAML() ([]byte, error) {
	data, err := yaml.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	return append([]byte(written), data...), nil
}
