package held

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AskedAnnotation is on a workload in whose template's place serin put another one, and holds an Asked.
const AskedAnnotation = "serin.dev/asked"

// An Asked is the template that the user asked for last, while another form stands in its place.
type Asked struct {
	Form     string                 `json:"form"`            // its ID
	Instead  string                 `json:"instead"`         // the ID of what stands in its place
	Was      string                 `json:"was,omitempty"`   // what stood there when this was noted, shortly before it was replaced
	Again    bool                   `json:"again,omitempty"` // somebody wrote it again: another form is not put in its place any more
	Back     bool                   `json:"back,omitempty"`  // serin itself is about to put it there again
	Template corev1.PodTemplateSpec `json:"template"`
}

// ReadAsked is the note on a workload whose template is now the given form; nil where there is none, or where somebody has
// written another template since, which is what is asked for then.
func ReadAsked(o metav1.Object, now string) *Asked {
	a := Noted(o)
	if a == nil || now != a.Form && now != a.Instead && now != a.Was {
		return nil
	}
	return a
}

// Noted is the note on a workload, whether it still holds or not; nil where there is none.
func Noted(o metav1.Object) *Asked {
	var a Asked
	text, ok := o.GetAnnotations()[AskedAnnotation]
	if !ok || json.Unmarshal([]byte(text), &a) != nil {
		return nil
	}
	return &a
}

// Text is the note as the annotation holds it.
func (a *Asked) Text() (string, error) {
	data, err := json.Marshal(a)
	return string(data), err
}
