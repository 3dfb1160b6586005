package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// A target is what one call has read of a set.
type target struct {
	key      cluster.Key
	set      Set
	template form        // what stands in the spec
	wish     form        // what the user asks for: the template as they wrote it, whatever stands in its place
	asked    *held.Asked // the note of it
	adopted  *adopted
	current  form // of the pods that the template is not for
	members  []Member
	seen     map[string]form // by ID
}

// A form is what a template is worth today.
type form struct {
	held.Form
	reads    []config.Source // what its pods read: the copies, or what the originals hold
	revision plan.Revision
	loose    bool // its pods read originals, which may change under them
	stale    bool // they have
}

// Serves reports whether requests may be sent to it.
func (m Member) Serves() bool { return !m.Going && pod.Serves(m.Pod) }

// read reads the target without its pods.
func (s *Sets) read(ctx context.Context, name string) (*target, error) {
	key, err := cluster.ParseKey(name)
	if err != nil {
		return nil, err
	}
	t := &target{key: key, set: s.kind.New(), seen: map[string]form{}}
	if err := s.Get(ctx, key.Object(), t.set.Object()); err != nil {
		return nil, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "create it, or name another target")
	}
	if t.set.Object().GetDeletionTimestamp() != nil {
		return nil, &cluster.Problem{Reason: cluster.TargetNotFound, Text: t.workload().Origin() + " is being deleted", Field: "spec.target"}
	}
	if t.adopted, err = readAdopted(t.set.Object()); err != nil {
		return nil, err
	}
	now, err := held.ReadForm(key, *t.set.Template())
	if err != nil {
		return nil, err
	}
	t.asked = held.ReadAsked(t.set.Object(), now.ID)
	if t.template, err = s.see(ctx, t, now); err != nil {
		return nil, err
	}
	wish := t.template.Pod
	if t.instead() {
		wish = t.asked.Template
	}
	t.wish, err = s.wish(ctx, t, wish)
	return t, err
}

// instead reports whether another form stands in the place of what is asked for.
func (t *target) instead() bool { return t.asked != nil && t.asked.Form != t.template.ID }

// insisted reports whether somebody writes what is asked for again and again: pods were made of what stood in its place.
func (t *target) insisted() bool {
	return t.asked != nil && !t.instead() && !t.asked.Back &&
		(t.asked.Again || slices.ContainsFunc(t.members, func(m Member) bool { return m.form.ID == t.asked.Instead }))
}

// wish is what a template of the user's asks for: with what its originals hold now.
func (s *Sets) wish(ctx context.Context, t *target, template corev1.PodTemplateSpec) (form, error) {
	f, err := held.ReadForm(t.key, template)
	if err != nil {
		return form{}, err
	}
	reads, err := s.config.ReadRefs(ctx, t.key.Namespace, f.Refs)
	return form{Form: f, reads: reads, revision: f.Revision(reads), loose: len(reads) > 0}, err
}

// see says what a form is worth today.
func (s *Sets) see(ctx context.Context, t *target, f held.Form) (form, error) {
	if seen, ok := t.seen[f.ID]; ok {
		return seen, nil
	}
	seen := form{Form: f, reads: f.Config}
	if f.Config == nil {
		var err error
		if seen.reads, err = s.config.ReadRefs(ctx, t.key.Namespace, f.Refs); err != nil {
			return seen, err
		}
		now := config.Digest(seen.reads)
		if t.adopted != nil && t.adopted.form == f.ID {
			seen.reads = t.adopted.config
		}
		seen.loose = len(seen.reads) > 0
		seen.stale = config.Digest(seen.reads) != now
	}
	seen.revision = f.Revision(seen.reads)
	t.seen[f.ID] = seen
	return seen, nil
}

// readPods reads the target's pods.
func (s *Sets) readPods(ctx context.Context, name string, t *target) error {
	selector, err := t.selector()
	if err != nil {
		return err
	}
	if t.current, err = s.form(ctx, t, t.set.Current()); err != nil {
		return err
	}
	all, err := s.Pods.List(ctx, t.key.Namespace, selector)
	if err != nil {
		return err
	}
	for _, p := range all {
		if pod.Owner(p) != t.set.Object().GetUID() || !pod.Exists(p) {
			continue
		}
		m := Member{Pod: p, Instance: t.set.Instance(p)}
		m.Leaving, m.Going = s.departures.Of(name, p)
		if m.form, err = s.form(ctx, t, revisionName(t.key.Name, p)); err != nil {
			return err
		}
		m.Revision = m.form.revision
		t.members = append(t.members, m)
	}
	slices.SortFunc(t.members, func(a, b Member) int { return t.set.Compare(a.Pod, b.Pod) })
	return nil
}

// revisionName is the ControllerRevision that a pod was made of: StatefulSets label pods with its name, DaemonSets with its
// hash; "" where a pod does not say.
func revisionName(set string, p *corev1.Pod) string {
	label := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	if label == "" || strings.HasPrefix(label, set+"-") {
		return label
	}
	return set + "-" + label
}

// form is what a ControllerRevision is worth today; "" is the template.
func (s *Sets) form(ctx context.Context, t *target, revision string) (form, error) {
	if revision == "" {
		return t.template, nil
	}
	f, err := s.memo.Form(ctx, t.workload(), revision)
	if err != nil {
		return form{}, err
	}
	return s.see(ctx, t, f)
}

// selector selects the target's pods and ControllerRevisions.
func (t *target) selector() (labels.Selector, error) {
	selector, err := metav1.LabelSelectorAsSelector(t.set.Selector())
	if err != nil {
		return nil, fmt.Errorf("read selector of %s: %w", t.workload().Origin(), err)
	}
	return selector, nil
}

// workload is the set as a workload that is held.
func (t *target) workload() held.Workload {
	return held.Workload{
		Object: t.set.Object(), Kind: t.key.Kind, Owned: t.set.Owned,
		Template: func() corev1.PodTemplateSpec { return *t.set.Template() },
	}
}

// owner is who copies of configuration go with at the latest.
func (t *target) owner() metav1.OwnerReference {
	o := t.set.Object()
	return metav1.OwnerReference{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: t.key.Kind, Name: o.GetName(), UID: o.GetUID()}
}

// missing reports whether an error says that there is no such target.
func missing(err error) bool {
	var p *cluster.Problem
	return errors.As(err, &p) && p.Reason == cluster.TargetNotFound
}

// forms are all templates that pods of the target are, or may be, made from now.
func (t *target) forms() []form {
	all := []form{t.template, t.current}
	for _, m := range t.members {
		all = append(all, m.form)
	}
	return all
}
