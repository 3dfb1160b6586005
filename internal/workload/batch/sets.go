package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/departures"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

var features = plan.Features{plan.Scaling, plan.Renaming, plan.Yielding, plan.Fixed}

// Driver describes a kind of sets to the catalog.
func Driver(kind Kind) workload.Driver {
	maps := &metav1.PartialObjectMetadata{}
	maps.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	return workload.Driver{
		Kind:     kind.Name,
		Features: features,
		Check:    Check,
		New:      func(env workload.Env) (workload.Workload, error) { return New(env, kind), nil },
		Router:   "replicas",
		Metrics:  "scrape",
		Cluster:  true,
		Watches: []cluster.Watch{
			{Object: kind.New().Object(), Targets: kind.itself},
			{Object: maps, Targets: kind.ofConfigMap},
		},
		Rules: append(cluster.Rules{
			rule(appsv1.GroupName, strings.ToLower(kind.Name)+"s", "get", "list", "watch", "patch"),
			rule(appsv1.GroupName, "controllerrevisions", "get", "list"),
			rule(corev1.GroupName, "pods", "get", "list", "watch", "delete"),
		}, config.Rules()...),
	}
}

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}

// Sets releases the sets of one kind in batches.
type Sets struct {
	*cluster.Access
	kind       Kind
	log        *slog.Logger
	config     *config.Reader
	memo       *held.Memo
	departures *departures.Departures
}

var _ workload.Describer = (*Sets)(nil)

// New releases sets of the cluster that env reaches.
func New(env workload.Env, kind Kind) *Sets {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sets{
		Access: env.Cluster, kind: kind, log: log, config: config.NewReader(env.Cluster), memo: held.NewMemo(env.Cluster),
		departures: departures.New(env.Cluster),
	}
}

// Features lists what the workload can do.
func (s *Sets) Features() plan.Features { return slices.Clone(features) }

// Changed is nil: the controller watches the objects that targets are made of.
func (s *Sets) Changed(string) <-chan struct{} { return nil }

// Template is what a revision of a set needs to run again.
type Template struct {
	Pod    corev1.PodTemplateSpec `json:"pod"`
	Config []config.Source        `json:"config,omitempty"` // what its ConfigMaps and Secrets held
}

// Check refuses templates that no set could run.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}

func decode(raw json.RawMessage) (Template, error) {
	var t Template
	if err := plan.Decode(raw, &t); err != nil {
		return t, err
	}
	if len(t.Pod.Spec.Containers) == 0 {
		return t, errors.New("pod.spec.containers: at least one is needed")
	}
	return t, nil
}

// Describe reads what the set asks for now.
func (s *Sets) Describe(ctx context.Context, name string) (workload.Description, error) {
	t, err := s.read(ctx, name)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	if p := t.set.Unfit(); p != nil {
		return workload.Description{}, p
	}
	data, err := json.Marshal(Template{Pod: t.wish.Pod, Config: t.wish.reads})
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: encode template: %w", name, err)
	}
	unfinished, err := s.unfinished(ctx, t)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	return workload.Description{
		Replicas: max(1, t.set.Full()), Revision: t.wish.revision, Template: data, Origin: t.workload().Origin(), Unfinished: unfinished,
	}, nil
}

// itself is the target that a set is.
func (k Kind) itself(_ context.Context, _ *cluster.Access, o client.Object) []string {
	return []string{cluster.Key{Kind: k.Name, Namespace: o.GetNamespace(), Name: o.GetName()}.String()}
}

// ofConfigMap are the sets that serin holds and whose pods read a ConfigMap. One that cannot be listed now is looked at when it
// changes itself.
func (k Kind) ofConfigMap(ctx context.Context, a *cluster.Access, o client.Object) []string {
	sets, err := k.List(ctx, a, o.GetNamespace())
	if err != nil {
		a.Log.Warn("list "+k.Name+"s", "namespace", o.GetNamespace(), "error", err)
		return nil
	}
	ref := config.Ref{Kind: "ConfigMap", Name: o.GetName()}
	var keys []string
	for _, s := range sets {
		if _, ok := s.Object().GetAnnotations()[cluster.HeldAnnotation]; ok && reads(s, ref) {
			keys = append(keys, k.itself(ctx, a, s.Object())...)
		}
	}
	return keys
}

// reads reports whether the template of a set, or the one that it stands in the place of, names an object.
func reads(s Set, ref config.Ref) bool {
	if slices.Contains(config.Refs(s.Template().Spec), ref) {
		return true
	}
	copied, err := config.ReadNote(s.Template().Annotations[cluster.ConfigAnnotation])
	if err != nil || slices.ContainsFunc(copied, func(c config.Source) bool { return c.Ref == ref }) {
		return true // a note that cannot be read is for whoever looks at the set
	}
	asked := held.Noted(s.Object())
	return asked != nil && slices.Contains(config.Refs(asked.Template.Spec), ref)
}
