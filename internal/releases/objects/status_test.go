package objects

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/progress/scenes"
	"serin.dev/serin/internal/releases"
)

// What kstatus, the library itself, makes of the Release in every scene, and what people see in its columns.
func TestReleaseFollowsKstatus(t *testing.T) {
	expected := map[string]struct {
		status       status.Status
		reason       string
		step, weight string
	}{
		"starting":     {status.InProgressStatus, "Progressing", "start", "0%"},
		"first":        {status.InProgressStatus, "AwaitingReadiness", "done", "100%"},
		"growing":      {status.InProgressStatus, "AwaitingReadiness", "20%", "20%"},
		"holding":      {status.InProgressStatus, "Progressing", "20%", "20%"},
		"proving":      {status.InProgressStatus, "AwaitingProof", "50%", "50%"},
		"unavailable":  {status.InProgressStatus, "AwaitingDecision", "20%", "20%"},
		"scarce":       {status.InProgressStatus, "AwaitingData", "1%", "1%"},
		"approval":     {status.InProgressStatus, "AwaitingApproval", "approve by sre", "20%"},
		"paused":       {status.InProgressStatus, "Paused", "20%", "20%"},
		"trouble":      {status.InProgressStatus, "Progressing", "20%", "20%"},
		"rolling-back": {status.InProgressStatus, "RollingBack", "start", "0%"},
		"rolled-back":  {status.FailedStatus, "AnalysisFailed", "start", "0%"},
		"superseded":   {status.FailedStatus, "Superseded", "start", "0%"},
		"skipped":      {status.InProgressStatus, "AwaitingReadiness", "promote", "100%"},
		"promoted":     {status.CurrentStatus, "Promoted", "done", "100%"},
	}
	for _, scene := range scenes.All() {
		want, ok := expected[scene.Name]
		if !ok {
			t.Errorf("scene %s: what shall waiting tools make of it?", scene.Name)
			continue
		}
		f := scene.Facts
		told, err := statusOf(releases.Release{Created: f.Created, Plan: f.Plan}, releases.Status{Position: f.Position})
		if err != nil {
			t.Fatal(err)
		}
		got := computed(t, told)
		if got != want.status || told.Conditions[0].Reason != want.reason || told.Step != want.step || told.Weight != want.weight {
			t.Errorf("%s: kstatus sees %s, reason %s, step %q, weight %s; want %+v", scene.Name, got, told.Conditions[0].Reason, told.Step, told.Weight, want)
		}
		if told.Since.IsZero() || told.Phase == "" || told.Conditions[0].Message == "" || told.Conditions[0].LastTransitionTime.IsZero() {
			t.Errorf("%s: got %+v", scene.Name, told)
		}
	}
	if got := computed(t, v1alpha1.ReleaseStatus{ObservedGeneration: -1}); got != status.InProgressStatus {
		t.Errorf("before the first step kstatus sees %s", got)
	}
}

func computed(t *testing.T, s v1alpha1.ReleaseStatus) status.Status {
	t.Helper()
	r := &Release{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindRelease},
		ObjectMeta: metav1.ObjectMeta{Name: "checkout-7", Generation: 1}, Spec: v1alpha1.ReleaseSpec{Record: []byte("{}")}, Status: s,
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}
