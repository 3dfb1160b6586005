package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/announced"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Kind is the word users write as a target's kind.
const Kind = "Service"

// Driver describes this workload to the catalog.
var Driver = workload.Driver{
	Kind:     Kind,
	Features: plan.Features{plan.Renaming},
	Check:    Check,
	New:      func(env workload.Env) (workload.Workload, error) { return New(env), nil },
	Router:   "gatewayAPI",
	Metrics:  "scrape",
	Cluster:  true,
	Watches: []cluster.Watch{
		{Object: &corev1.Service{}, Targets: itself},
		{Object: &appsv1.Deployment{}, Targets: selecting},
		{Object: &appsv1.StatefulSet{}, Targets: selecting},
		{Object: &appsv1.DaemonSet{}, Targets: selecting},
	},
	Rules: cluster.Rules{
		{APIGroups: []string{corev1.GroupName}, Resources: []string{"services", "pods"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{appsv1.GroupName}, Resources: []string{"deployments", "statefulsets", "daemonsets"}, Verbs: []string{"get", "list", "watch"}},
		announced.Rule,
	},
}

// itself is the target that a Service is, as the first or the second of a pair.
func itself(_ context.Context, _ *cluster.Access, o client.Object) []string {
	return []string{cluster.Key{Kind: Kind, Namespace: o.GetNamespace(), Name: o.GetName()}.String()}
}

// selecting are the Services that select the pods of a workload.
func selecting(ctx context.Context, a *cluster.Access, o client.Object) []string {
	template, _ := behind(o)
	if template == nil {
		return nil
	}
	var services corev1.ServiceList
	if err := a.List(ctx, &services, client.InNamespace(o.GetNamespace())); err != nil {
		return nil // the next change, or the next look, finds it
	}
	var keys []string
	for i := range services.Items {
		s := &services.Items[i]
		if len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(template.Labels)) {
			keys = append(keys, itself(ctx, a, s)...)
		}
	}
	return keys
}

// A Template says behind which of a pair a revision stands.
type Template struct {
	Service  string        `json:"service"`
	Other    string        `json:"other"`
	Revision plan.Revision `json:"revision"`
}

// Check refuses templates that name no pair.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}

func decode(raw json.RawMessage) (Template, error) {
	var t Template
	if err := plan.Decode(raw, &t); err != nil {
		return t, err
	}
	switch {
	case t.Service == "":
		return t, errors.New("service: must be named")
	case t.Other == "":
		return t, errors.New("other: must be named")
	case t.Other == t.Service:
		return t, errors.New("other: must be another Service")
	case t.Revision == "":
		return t, errors.New("revision: must be named")
	}
	return t, nil
}

// Pairs moves traffic between Services.
type Pairs struct {
	*cluster.Access
	announced *announced.Pods

	mu    sync.Mutex
	pairs map[string]*pair // by target
}

// A pair is what was said of one target, guarded by Pairs.mu.
type pair struct {
	names   [2]string                // the Services, the target's own first
	ordered map[string]plan.Revision // by Service: which revision it is ordered as
	wanted  map[string]int           // by Service; nil: nothing was ordered yet
	keep    map[string]bool
	full    int
}

var _ workload.Describer = (*Pairs)(nil)

// New moves traffic between Services of the cluster that env reaches.
func New(env workload.Env) *Pairs {
	return &Pairs{Access: env.Cluster, announced: announced.New(env.Cluster), pairs: map[string]*pair{}}
}

// Features lists what the workload can do.
func (p *Pairs) Features() plan.Features { return slices.Clone(Driver.Features) }

// Changed is nil: the controller watches the objects that targets are made of.
func (p *Pairs) Changed(string) <-chan struct{} { return nil }

// Eject has nothing to let go of.
func (p *Pairs) Eject(_ context.Context, target string, _ plan.Revision) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, target)
	return nil
}

// Describe answers for a pair that DescribePair was asked for before, as if nothing were stable yet.
func (p *Pairs) Describe(ctx context.Context, target string) (workload.Description, error) {
	known := p.known(target)
	if known == nil {
		return workload.Description{}, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Text: target + " is one Service, and a pair has two",
			Remedy: "name the one that the new version stands behind with spec.target.canary",
		}
	}
	return p.DescribePair(ctx, target, known.names[1], nil)
}

// DescribePair reads what is to be released next: what stands behind the Service that stable does not stand behind. stable
// is the template of the stable revision; nil before the first release.
func (p *Pairs) DescribePair(ctx context.Context, target, canary string, stable json.RawMessage) (workload.Description, error) {
	d, err := p.describe(ctx, target, canary, stable)
	if err != nil {
		return d, fmt.Errorf("describe %s: %w", target, err)
	}
	return d, nil
}

func (p *Pairs) describe(ctx context.Context, target, canary string, stable json.RawMessage) (d workload.Description, err error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return d, err
	}
	settled := Template{Service: key.Name, Other: canary}
	if len(stable) > 0 {
		if settled, err = decode(stable); err != nil {
			return d, fmt.Errorf("read what is stable: %w", err)
		}
	}
	if settled.Service != key.Name && settled.Service != canary { // the second of the pair was replaced while it had the traffic
		return d, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target.canary", Text: fmt.Sprintf("stable stands behind Service %s, which is not one of the pair", settled.Service),
			Remedy: "name " + settled.Service + " again, or delete this Canary and make a new one",
		}
	}
	now, err := p.side(ctx, key.Namespace, settled.Service)
	if err != nil {
		return d, err
	}
	idle := canary
	if settled.Service == canary {
		idle = key.Name
	}
	next, err := p.side(ctx, key.Namespace, idle)
	if err != nil {
		return d, err
	}
	if settled.Revision == "" {
		settled.Revision = now.revision
	}
	if settled.Revision == "" {
		return d, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Text: fmt.Sprintf("no pods stand behind Service %s/%s", key.Namespace, settled.Service),
			Remedy: "deploy the present version behind it",
		}
	}
	asked := Template{Service: settled.Service, Other: idle, Revision: settled.Revision}
	if len(stable) > 0 && next.revision != "" {
		asked = Template{Service: idle, Other: settled.Service, Revision: next.revision}
	}
	p.learn(target, [2]string{key.Name, canary}, settled, now.size)
	d = workload.Description{Replicas: max(1, now.size), Revision: asked.Revision, Origin: "Services " + key.Object().String() + " and " + canary}
	d.Template, err = json.Marshal(asked)
	return d, err
}

// learn notes what a pair is made of.
func (p *Pairs) learn(target string, names [2]string, stable Template, full int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.pairs[target]
	if known == nil || known.names != names {
		known = &pair{names: names, ordered: map[string]plan.Revision{}}
		p.pairs[target] = known
	}
	known.full = max(1, full)
	if known.wanted == nil {
		known.ordered[stable.Service] = stable.Revision
	}
}

// known is what is known of a pair; nil where nothing is.
func (p *Pairs) known(target string) *pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.pairs[target]
	if known == nil {
		return nil
	}
	return known.copy()
}
