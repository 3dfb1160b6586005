package deployment

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/announced"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Kind is the word users write as a target's kind.
const Kind = "Deployment"

// Driver describes this workload to the catalog.
var Driver = workload.Driver{
	Kind:     Kind,
	Features: plan.Features{plan.Scaling},
	Check:    Check,
	New:      func(env workload.Env) (workload.Workload, error) { return New(env), nil },
	Router:   "replicas",
	Metrics:  "scrape",
	Cluster:  true,
	Watches:  watches(),
	Rules:    rules(),
}

// The pools of a Deployment are its tracks.
const (
	stablePool = plan.PoolName(plan.Stable)
	canaryPool = plan.PoolName(plan.Canary)
)

// Deployments releases Deployments in place.
type Deployments struct {
	a      *cluster.Access
	log    *slog.Logger
	sets   *setsMemo
	config *config.Reader
	scaled *scaledKind

	announced *announced.Pods
	templates templates
	marks     *cluster.Memo[string] // of what is applied

	mu   sync.Mutex
	told map[string]string // what was last said of a target, so that it is said once
}

var _ workload.Describer = (*Deployments)(nil)

// New releases Deployments of the cluster that env reaches.
func New(env workload.Env) *Deployments {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Deployments{
		a: env.Cluster, log: log, sets: newSetsMemo(), config: config.NewReader(env.Cluster), scaled: &scaledKind{},
		announced: announced.New(env.Cluster), templates: newTemplates(), marks: cluster.NewMemo[string](), told: map[string]string{},
	}
}

// Features lists what the workload can do.
func (d *Deployments) Features() plan.Features { return slices.Clone(Driver.Features) }

// Changed is nil: the controller watches the objects that targets are made of.
func (d *Deployments) Changed(string) <-chan struct{} { return nil }

// A target is what one call has read of a Deployment and of what serin has beside it. Its objects are the caches' own: they are
// read, and never changed.
type target struct {
	key    cluster.Key
	user   *appsv1.Deployment
	canary *appsv1.Deployment // serin's own; nil where there is none
	sets   []set              // the user's ReplicaSets, newest first, once they were asked for (readAll)

	spec    pod.Template    // the user's template
	current []config.Source // what its ConfigMaps and Secrets hold now
}

// readAll reads the target with its ReplicaSets. from is where the user's Deployment is read: the caches, or the API server.
func (d *Deployments) readAll(ctx context.Context, name string, from client.Reader) (*target, error) {
	t, err := d.read(ctx, name, from)
	if err != nil {
		return nil, err
	}
	t.sets, err = d.setsOf(ctx, t.user)
	return t, err
}

// read reads the target without its ReplicaSets: what it asks for does not depend on them. A missing Deployment is a problem
// that says so.
func (d *Deployments) read(ctx context.Context, name string, from client.Reader) (*target, error) {
	key, err := cluster.ParseKey(name)
	if err != nil {
		return nil, err
	}
	t := &target{key: key, user: &appsv1.Deployment{}}
	if err := from.Get(ctx, key.Object(), t.user, client.UnsafeDisableDeepCopy); err != nil {
		return nil, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "create it, or name another target")
	}
	if t.user.DeletionTimestamp != nil {
		return nil, &cluster.Problem{Reason: cluster.TargetNotFound, Text: t.origin() + " is being deleted", Field: "spec.target"}
	}
	if t.spec, err = d.templates.of(t.user); err != nil {
		return nil, err
	}
	if t.current, err = d.config.Read(ctx, key.Namespace, t.user.Spec.Template.Spec); err != nil {
		return nil, err
	}
	t.canary, err = d.ownDeployment(ctx, key)
	return t, err
}

// ownDeployment finds serin's Deployment beside the target; nil where there is none or it is going.
func (d *Deployments) ownDeployment(ctx context.Context, key cluster.Key) (*appsv1.Deployment, error) {
	own := &appsv1.Deployment{}
	found, err := d.own(ctx, key, own)
	if !found || own.DeletionTimestamp != nil {
		return nil, err
	}
	return own, err
}

// own reads an object of serin's beside the target and reports whether it is there. A stranger of that name is a problem. What is
// read is shared: change nothing in it.
func (d *Deployments) own(ctx context.Context, key cluster.Key, o client.Object) (bool, error) {
	name := types.NamespacedName{Namespace: key.Namespace, Name: key.Beside(string(plan.Canary))}
	err := d.a.Get(ctx, name, o, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, err
	case o.GetLabels()[cluster.TargetLabel] != key.Label():
		return false, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Remedy: "rename or delete it: serin needs that name",
			Text: kindOf(o) + " " + name.String() + " exists and is not serin's",
		}
	}
	return true, nil
}

// kindOf names the kinds that serin has beside a target.
func kindOf(o client.Object) string {
	switch o.(type) {
	case *appsv1.Deployment:
		return "Deployment"
	case *corev1.Service:
		return "Service"
	}
	return "HorizontalPodAutoscaler"
}

func (t *target) origin() string { return "Deployment " + t.key.Object().String() }

// replicas is what the Deployment is asked to have.
func (t *target) replicas() int {
	if t.user.Spec.Replicas == nil {
		return 1
	}
	return int(*t.user.Spec.Replicas)
}

// described is the revision that the template and its configuration are now.
func (t *target) described() plan.Revision { return t.spec.Revision(config.Digest(t.current)) }

// base is the configuration that pods run whose template has no note of it: what the Deployment was adopted with, or
// where it has not been, what is there now.
func (t *target) base() string {
	if digest, ok := t.user.Annotations[cluster.ConfigAnnotation]; ok {
		return digest
	}
	return config.Digest(t.current)
}

// noted is the revision of a template by the note it carries.
func (t *target) noted(p pod.Template, refers bool) plan.Revision {
	switch {
	case !refers:
		return p.Revision("")
	case p.Config != "":
		return p.Revision(p.Config)
	}
	return p.Revision(t.base())
}

// rolls is the revision that the Deployment rolls out when it is not paused.
func (t *target) rolls() plan.Revision {
	return t.noted(t.spec, t.refers())
}

// refers reports whether the template names ConfigMaps or Secrets.
func (t *target) refers() bool { return len(config.Refs(t.user.Spec.Template.Spec)) > 0 }

// held reports whether serin has its hands on the Deployment.
func (t *target) held() bool { _, ok := t.user.Annotations[cluster.HeldAnnotation]; return ok }

// Template is what a revision of a Deployment needs to run again.
type Template struct {
	Pod    corev1.PodTemplateSpec `json:"pod"`
	Config []config.Source        `json:"config,omitempty"` // what its ConfigMaps and Secrets held
}

// Check refuses templates that no Deployment could run.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}
