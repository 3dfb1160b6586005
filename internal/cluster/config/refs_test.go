package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
)

// everywhere names a ConfigMap and a Secret in each place that a pod template has for one.
const everywhere = `{
  "volumes": [
    {"name": "a", "configMap": {"name": "map-volume"}},
    {"name": "b", "secret": {"secretName": "secret-volume"}},
    {"name": "c", "projected": {"sources": [{"configMap": {"name": "map-projected"}}, {"secret": {"name": "secret-projected"}}, {"configMap": {"name": "kube-root-ca.crt"}}]}},
    {"name": "d", "emptyDir": {}}
  ],
  "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "map-init"}}, {"secretRef": {"name": "secret-init"}}]}],
  "containers": [
    {"name": "x", "env": [
      {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "map-env", "key": "a", "optional": true}}},
      {"name": "B", "valueFrom": {"secretKeyRef": {"name": "secret-env", "key": "b"}}},
      {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]},
    {"name": "y", "envFrom": [{"configMapRef": {"name": "map-env"}}]}
  ],
  "imagePullSecrets": [{"name": "pull"}]
}`

func podSpec(t *testing.T) corev1.PodSpec {
	t.Helper()
	var spec corev1.PodSpec
	if err := json.Unmarshal([]byte(everywhere), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestRefs(t *testing.T) {
	want := []Ref{
		{"ConfigMap", "map-env"}, {"ConfigMap", "map-init"}, {"ConfigMap", "map-projected"}, {"ConfigMap", "map-volume"},
		{"Secret", "secret-env"}, {"Secret", "secret-init"}, {"Secret", "secret-projected"}, {"Secret", "secret-volume"},
	}
	if got := Refs(podSpec(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestRename(t *testing.T) {
	spec, names := podSpec(t), map[Ref]string{}
	for _, ref := range Refs(spec) {
		names[ref] = ref.Name + "-copy"
	}
	Rename(&spec, names)
	for _, ref := range Refs(spec) {
		if !strings.HasSuffix(ref.Name, "-copy") {
			t.Errorf("%v was forgotten", ref)
		}
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []string{`"kube-root-ca.crt"`, `"pull"`, `"optional":true`} {
		if !strings.Contains(string(data), kept) {
			t.Errorf("%s is gone", kept)
		}
	}
}

func TestContents(t *testing.T) {
	digest := func(o *corev1.ConfigMap) string {
		t.Helper()
		d, err := contents(o)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(&corev1.ConfigMap{Data: map[string]string{"a": "1", "b": "2"}})
	if got := digest(&corev1.ConfigMap{Data: map[string]string{"b": "2", "a": "1"}, ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"x": "y"}}}); got != base {
		t.Error("a label, or the order of keys, changed the digest")
	}
	if got := digest(&corev1.ConfigMap{BinaryData: map[string][]byte{"a": []byte("1"), "b": []byte("2")}}); got == base {
		t.Error("binary data are not the same as text")
	}
	ignored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{cluster.ConfigAnnotation: "ignore"}}}
	if got := digest(ignored); got != "" {
		t.Errorf("one that wants to be ignored has the digest %s", got)
	}
}

func TestCopyNames(t *testing.T) {
	s := Source{Ref{"ConfigMap", "settings"}, "00ff"}
	checkout, cart := cluster.Key{Kind: "Deployment", Namespace: "shop", Name: "checkout"}, cluster.Key{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	if s.Copy(checkout) == s.Copy(cart) {
		t.Error("two targets share a copy, which the one would take from the other")
	}
	changed := Source{s.Ref, "00fe"}
	if s.Copy(checkout) == changed.Copy(checkout) || Digest([]Source{s}) == Digest([]Source{changed}) {
		t.Error("another content has the same name")
	}
	long := Source{Ref{"ConfigMap", strings.Repeat("x", 250)}, "00ff"}
	if n := len(long.Copy(checkout)); n > 253 {
		t.Errorf("a name of %d characters", n)
	}
	if Digest(nil) != "" {
		t.Error("nothing has a digest")
	}
}
