package batch

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/held"
)

// reader is a set whose pods read a ConfigMap.
type reader struct {
	Set
	of *appsv1.StatefulSet
}

func (r reader) Object() client.Object             { return r.of }
func (r reader) Template() *corev1.PodTemplateSpec { return &r.of.Spec.Template }

func reading(name string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "db", EnvFrom: []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}},
	}}}}}
}

// A changed ConfigMap wakes the sets whose users named it, whatever stands in their templates at the moment.
func TestWhoReads(t *testing.T) {
	key := cluster.Key{Kind: "StatefulSet", Namespace: "shop", Name: "db"}
	settings := config.Ref{Kind: "ConfigMap", Name: "settings"}
	fixed := held.Fixed(key, reading("settings"), []config.Source{{Ref: settings, Digest: "00aa"}})
	asked, err := (&held.Asked{Form: "b", Template: reading("settings")}).Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason   string
		template corev1.PodTemplateSpec
		asked    string
		want     bool
	}{
		{"the user's own template names it", reading("settings"), "", true},
		{"a copy stands in its place", fixed, "", true},
		{"another template stands there", reading("others"), asked, true},
		{"it names another", reading("others"), "", false},
	} {
		r := reader{of: &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}}}
		r.of.Spec.Template = c.template
		if c.asked != "" {
			r.of.Annotations = map[string]string{held.AskedAnnotation: c.asked}
		}
		if got := reads(r, settings); got != c.want {
			t.Errorf("%s: got %t", c.reason, got)
		}
	}
}
