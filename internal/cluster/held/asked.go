package held

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/plan"
)

// AskedAnnotation is on a workload whose template serin put back, and holds an Asked.
const AskedAnnotation = "serin.dev/asked"

// An Asked is the template that the user asked for last, while an earlier one stands in its place.
type Asked struct {
	Revision plan.Revision          `json:"revision"`
	Instead  plan.Revision          `json:"instead"` // what stands in its place
	Template corev1.PodTemplateSpec `json:"template"`
}

// ReadAsked is the note on a workload whose template is now the given revision; nil where there is none, or where somebody
// has written another template since, which is what is asked for then.
func ReadAsked(o metav1.Object, now plan.Revision) *Asked {
	var a Asked
	text, ok := o.GetAnnotations()[AskedAnnotation]
	if !ok || json.Unmarshal([]byte(text), &a) != nil || a.Instead != now || a.Revision == now {
		return nil
	}
	return &a
}

// Asking is the note for a workload whose template is about to give way to another revision.
func Asking(asked *Asked, now, instead plan.Revision, template corev1.PodTemplateSpec) *Asked {
	if asked != nil {
		return &Asked{Revision: asked.Revision, Instead: instead, Template: asked.Template}
	}
	return &Asked{Revision: now, Instead: instead, Template: template}
}

// text is the note as the annotation holds it.
func (a *Asked) text() (string, error) {
	data, err := json.Marshal(a)
	return string(data), err
}
