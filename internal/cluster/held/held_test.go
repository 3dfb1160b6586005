package held

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
)

func TestAskedIsWhatStandsElsewhere(t *testing.T) {
	text, err := (&Asked{Form: "v2", Instead: "v1", Was: "v0"}).Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason, note, now string
		want              bool
	}{
		{"nothing is noted", "", "v2", false},
		{"the old one stands in its place", text, "v1", true},
		{"it is noted, and the old one is about to stand in its place", text, "v0", true},
		{"it is there again", text, "v2", true},
		{"somebody wrote another", text, "v3", false},
		{"not serin's writing", "{", "v1", false},
	} {
		o := &appsv1.DaemonSet{}
		if c.note != "" {
			o.Annotations = map[string]string{AskedAnnotation: c.note}
		}
		if got := ReadAsked(o, c.now); (got != nil) != c.want || got != nil && got.Form != "v2" {
			t.Errorf("%s: got %+v", c.reason, got)
		}
	}
}

func TestAuthors(t *testing.T) {
	entry := func(manager string, op metav1.ManagedFieldsOperationType, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: op, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	template, replicas := `{"f:spec":{"f:template":{}}}`, `{"f:spec":{"f:replicas":{}}}`
	status := entry("controller", metav1.ManagedFieldsOperationUpdate, template)
	status.Subresource = "status"
	for _, c := range []struct {
		reason          string
		entries         []metav1.ManagedFieldsEntry
		applier, writer string
	}{
		{"nobody is known", nil, "", cluster.Manager},
		{"applied", []metav1.ManagedFieldsEntry{entry("argocd", metav1.ManagedFieldsOperationApply, template)}, "argocd", cluster.Manager},
		{"written", []metav1.ManagedFieldsEntry{entry("kubectl-client-side-apply", metav1.ManagedFieldsOperationUpdate, template)}, "", "kubectl-client-side-apply"},
		{"other fields do not count", []metav1.ManagedFieldsEntry{entry("hpa", metav1.ManagedFieldsOperationApply, replicas)}, "", cluster.Manager},
		{"nor does the status", []metav1.ManagedFieldsEntry{status}, "", cluster.Manager},
		{"nor serin", []metav1.ManagedFieldsEntry{entry(cluster.Manager, metav1.ManagedFieldsOperationApply, template)}, "", cluster.Manager},
	} {
		o := &appsv1.DaemonSet{}
		o.ManagedFields = c.entries
		if applier, writer := authors(o); applier != c.applier || writer != c.writer {
			t.Errorf("%s: got %q and %q", c.reason, applier, writer)
		}
	}
}

func TestReplacingTellsKubectl(t *testing.T) {
	o := &appsv1.DaemonSet{}
	o.ResourceVersion = "7"
	o.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: `{"kind":"DaemonSet","spec":{"selector":{},"template":{"spec":{"containers":[{"name":"new"}]}}}}`}
	patch, err := replacing(o, corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "old", Image: "shop:v1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var operations []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal(patch, &operations); err != nil || len(operations) != 3 {
		t.Fatalf("got %s, %v", patch, err)
	}
	if o := operations[0]; o.Op != "test" || string(o.Value) != `"7"` {
		t.Errorf("a changed object would be overwritten: %+v", o)
	}
	last := string(operations[2].Value)
	if strings.Contains(last, "new") || !strings.Contains(last, "shop:v1") || !strings.Contains(last, "selector") {
		t.Errorf("kubectl is told %s", last)
	}
	o.Annotations[corev1.LastAppliedConfigAnnotation] = "not JSON"
	if _, err := replacing(o, corev1.PodTemplateSpec{}); err == nil {
		t.Error("an annotation that cannot be read was overwritten")
	}
}

func TestTaken(t *testing.T) {
	w := Workload{Kind: "DaemonSet", Object: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "agent"}}}
	for _, c := range []struct{ holder, owner, want string }{
		{"", "shop/agent", ""}, {"shop/agent", "shop/agent", ""}, {"shop/agent", "", ""}, {"shop/other", "shop/agent", cluster.TargetTaken},
	} {
		w.Object.SetAnnotations(map[string]string{cluster.HeldAnnotation: c.holder})
		reason := ""
		if p, ok := cluster.AsProblem(w.Taken(c.owner)); ok {
			reason = p.Reason
		}
		if reason != c.want {
			t.Errorf("held by %q, asked by %q: got %q", c.holder, c.owner, reason)
		}
	}
}
