package held

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// A Form is a pod template as pods are made from it: as the user wrote it, so that they read what its ConfigMaps and Secrets
// hold at the time, or fixed to copies of these, which a note on the template tells.
type Form struct {
	ID     string                 // tells forms apart; of a template without configuration it is the revision
	Pod    corev1.PodTemplateSpec // as the user writes it, whichever form it is
	Config []config.Source        // what the copies hold; nil where it reads the originals
	Refs   []config.Ref           // the originals

	template pod.Template
}

// ReadForm reads a template of the target, as it stands in a spec or in a ControllerRevision.
func ReadForm(key cluster.Key, t corev1.PodTemplateSpec) (Form, error) {
	raw, err := pod.Read(t, key.Name)
	if err != nil {
		return Form{}, err
	}
	f := Form{ID: string(raw.Revision(raw.Config)), Pod: t, template: raw}
	if raw.Config != "" {
		if f.Config, err = config.ReadNote(raw.Config); err != nil {
			return Form{}, fmt.Errorf("template of %s: %w", key, err)
		}
		f.Pod = *t.DeepCopy()
		delete(f.Pod.Annotations, cluster.ConfigAnnotation)
		if len(f.Pod.Annotations) == 0 {
			f.Pod.Annotations = nil
		}
		config.Rename(&f.Pod.Spec, config.Originals(config.Copies(key, f.Config)))
		if f.template, err = pod.Read(f.Pod, key.Name); err != nil {
			return Form{}, err
		}
	}
	f.Refs = config.Refs(f.Pod.Spec)
	return f, nil
}

// Revision is the revision of the form's pods when its ConfigMaps and Secrets hold that; a form that is fixed knows better.
func (f Form) Revision(read []config.Source) plan.Revision {
	if f.Config != nil {
		read = f.Config
	}
	return f.template.Revision(config.Digest(read))
}

// Fixed is a template with copies in the place of its ConfigMaps and Secrets; where there are none, the template itself.
func Fixed(key cluster.Key, t corev1.PodTemplateSpec, sources []config.Source) corev1.PodTemplateSpec {
	if len(sources) == 0 {
		return t
	}
	fixed := *t.DeepCopy()
	config.Rename(&fixed.Spec, config.Copies(key, sources))
	fixed.Annotations = maps.Clone(fixed.Annotations)
	if fixed.Annotations == nil {
		fixed.Annotations = map[string]string{}
	}
	fixed.Annotations[cluster.ConfigAnnotation] = config.Note(sources)
	return fixed
}
