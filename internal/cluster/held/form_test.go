package held

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
)

var db = cluster.Key{Kind: "StatefulSet", Namespace: "shop", Name: "db"}

// template reads a ConfigMap in a volume, and a Secret that no copy is made of.
func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "db"}},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "db", Image: "db:v1", EnvFrom: []corev1.EnvFromSource{
				{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "token"}}},
			}}},
			Volumes: []corev1.Volume{{Name: "settings", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}},
			}}},
		},
	}
}

func formOf(t *testing.T, p corev1.PodTemplateSpec) Form {
	t.Helper()
	f, err := ReadForm(db, p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormIsReadBack(t *testing.T) {
	old := []config.Source{{Ref: config.Ref{Kind: "ConfigMap", Name: "settings"}, Digest: "00aa"}}
	new := []config.Source{{Ref: config.Ref{Kind: "ConfigMap", Name: "settings"}, Digest: "00bb"}}
	user := formOf(t, template())
	fixed := Fixed(db, template(), old)
	if name := fixed.Spec.Volumes[0].ConfigMap.Name; name != old[0].Copy(db) {
		t.Errorf("its pods read %s", name)
	}
	if fixed.Spec.Containers[0].EnvFrom[0].SecretRef.Name != "token" {
		t.Error("what has no copy is read itself")
	}
	f := formOf(t, fixed)
	switch {
	case f.ID == user.ID:
		t.Error("copies in place of originals are another form")
	case f.Revision(new) != user.Revision(old) || user.Revision(new) == user.Revision(old):
		t.Error("a fixed form is of the revision of what its copies hold, whatever the originals hold now")
	case formOf(t, f.Pod).ID != user.ID || f.Pod.Annotations != nil:
		t.Errorf("the user's own template is not read back: %+v", f.Pod)
	case len(f.Refs) != 2 || f.Refs[0] != old[0].Ref:
		t.Errorf("the originals are %v", f.Refs)
	}
	byHand := *fixed.DeepCopy()
	byHand.Spec.Containers[0].Image = "db:v2"
	if formOf(t, byHand).Revision(nil) == f.Revision(nil) {
		t.Error("a change by hand is not seen under the note")
	}
	if plain := Fixed(db, template(), nil); formOf(t, plain).ID != user.ID {
		t.Error("nothing to copy, and yet another form")
	}
	byHand.Annotations[cluster.ConfigAnnotation] = "nonsense"
	if _, err := ReadForm(db, byHand); err == nil {
		t.Error("a note that cannot be read was taken for one")
	}
}
