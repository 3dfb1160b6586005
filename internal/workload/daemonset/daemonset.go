package daemonset

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/departures"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Kind is the word users write as a target's kind.
const Kind = "DaemonSet"

// Driver describes this workload to the catalog.
var Driver = workload.Driver{
	Kind:     Kind,
	Features: plan.Features{plan.Scaling, plan.Renaming, plan.Yielding, plan.Fixed},
	Check:    Check,
	New:      func(env workload.Env) (workload.Workload, error) { return New(env), nil },
	Router:   "replicas",
	Metrics:  "scrape",
	Cluster:  true,
	Watches:  []cluster.Watch{{Object: &appsv1.DaemonSet{}, Targets: itself}},
	Rules: cluster.Rules{
		{APIGroups: []string{appsv1.GroupName}, Resources: []string{"daemonsets"}, Verbs: []string{"get", "list", "watch", "patch"}},
		{APIGroups: []string{appsv1.GroupName}, Resources: []string{"controllerrevisions"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{corev1.GroupName}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch", "delete"}},
	},
}

// itself is the target that a DaemonSet is.
func itself(_ context.Context, _ *cluster.Access, o client.Object) []string {
	return []string{cluster.Key{Kind: Kind, Namespace: o.GetNamespace(), Name: o.GetName()}.String()}
}

// DaemonSets releases DaemonSets in batches.
type DaemonSets struct {
	*cluster.Access
	log        *slog.Logger
	memo       *held.Memo
	departures *departures.Departures
}

var _ workload.Describer = (*DaemonSets)(nil)

// New releases DaemonSets of the cluster that env reaches.
func New(env workload.Env) *DaemonSets {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &DaemonSets{Access: env.Cluster, log: log, memo: held.NewMemo(env.Cluster), departures: departures.New(env.Cluster)}
}

// Features lists what the workload can do.
func (d *DaemonSets) Features() plan.Features { return slices.Clone(Driver.Features) }

// Changed is nil: the controller watches the objects that targets are made of.
func (d *DaemonSets) Changed(string) <-chan struct{} { return nil }

// Check refuses templates that no DaemonSet could run.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}

func decode(raw json.RawMessage) (corev1.PodTemplateSpec, error) {
	var t corev1.PodTemplateSpec
	if err := plan.Decode(raw, &t); err != nil {
		return t, err
	}
	if len(t.Spec.Containers) == 0 {
		return t, errors.New("spec.containers: at least one is needed")
	}
	return t, nil
}
