package native_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// computed is what kstatus, the library itself, makes of a Canary of that generation.
func computed(t *testing.T, s v1alpha1.CanaryStatus, generation int64) status.Status {
	t.Helper()
	c := &v1alpha1.Canary{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindCanary},
		ObjectMeta: metav1.ObjectMeta{Name: "checkout", Generation: generation}, Status: s,
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// Every scene there is, with what a waiting tool makes of it and the word a person sees.
func TestReportFollowsKstatus(t *testing.T) {
	expected := map[string]struct {
		status status.Status
		reason string
		why    string
	}{
		"starting":     {status.InProgressStatus, "Progressing", "it moves"},
		"first":        {status.InProgressStatus, "Progressing", "it moves"},
		"growing":      {status.InProgressStatus, "Progressing", "it moves"},
		"holding":      {status.InProgressStatus, "Progressing", "time passes"},
		"proving":      {status.InProgressStatus, "Progressing", "proof comes without people"},
		"unavailable":  {status.InProgressStatus, "AwaitingDecision", "the deadline of ignorance has passed: a person is asked"},
		"scarce":       {status.InProgressStatus, "Progressing", "ignorance holds, with a deadline"},
		"approval":     {status.InProgressStatus, "AwaitingApproval", "waiting for people may take days and is no failure"},
		"paused":       {status.InProgressStatus, "Paused", "a person holds it"},
		"trouble":      {status.InProgressStatus, "Progressing", "trouble is tried again"},
		"rolling-back": {status.InProgressStatus, "RollingBack", "nothing is decided for who waits before the way back is gone"},
		"rolled-back":  {status.FailedStatus, "AnalysisFailed", "who waits shall stop at once"},
		"superseded":   {status.InProgressStatus, "Superseded", "the next release follows"},
		"skipped":      {status.InProgressStatus, "Progressing", "a step was passed over, no more"},
		"promoted":     {status.CurrentStatus, "Promoted", "it is done"},
	}
	for _, scene := range scenes.All() {
		want, ok := expected[scene.Name]
		if !ok {
			t.Errorf("scene %s: what shall waiting tools make of it?", scene.Name)
			continue
		}
		r := progress.Of(scene.Facts)
		s := native.Report(v1alpha1.CanaryStatus{ObservedGeneration: -1}, r, nil, 7)
		if got := computed(t, s, 7); got != want.status || s.Conditions[0].Reason != want.reason {
			t.Errorf("%s: kstatus sees %s, reason %s; want %s, %s: %s", scene.Name, got, s.Conditions[0].Reason, want.status, want.reason, want.why)
		}
		if got := computed(t, s, 8); got != status.InProgressStatus {
			t.Errorf("%s: with a newer spec kstatus sees %s", scene.Name, got)
		}
		stable := r.From
		if r.Phase == plan.Succeeded {
			stable = r.To
		}
		if s.Stable != string(stable) || s.Release != r.Name || s.Message == "" {
			t.Errorf("%s: got %+v", scene.Name, s)
		}
		wellFormed(t, scene.Name, s, 7)
	}
}

func TestBeforeAndBesideAReleaseKstatusHolds(t *testing.T) {
	untouched := v1alpha1.CanaryStatus{ObservedGeneration: -1} // the default of the CRD
	var notes compile.Notes
	notes.Refuse(plan.Origin{Field: "spec.steps"}, "no")
	for _, c := range []struct {
		why    string
		status v1alpha1.CanaryStatus
		want   status.Status
	}{
		{"nobody has looked yet", untouched, status.InProgressStatus},
		{"nothing to do", native.Idle(untouched, "v1", nil, 3, noon), status.CurrentStatus},
		{"the spec is refused", native.Refused(untouched, notes, 3, noon), status.FailedStatus},
		{"the target is not there yet", native.Blocked(untouched, "TargetNotFound", "there is no Deployment", 3, noon), status.InProgressStatus},
	} {
		if got := computed(t, c.status, 3); got != c.want {
			t.Errorf("%s: kstatus sees %s, want %s", c.why, got, c.want)
		}
		wellFormed(t, c.why, c.status, 3)
	}
}

// wellFormed checks what the API server would: the conditions' own schema is strict.
func wellFormed(t *testing.T, what string, s v1alpha1.CanaryStatus, generation int64) {
	t.Helper()
	for _, c := range s.Conditions {
		if c.ObservedGeneration != generation || c.Reason == "" || c.Message == "" || c.LastTransitionTime.IsZero() {
			t.Errorf("%s: condition %+v", what, c)
		}
	}
}

// Through the steps of a release the status stays what it is, so that nothing is written; it changes with words that count.
func TestStatusChangesWithGreatEventsOnly(t *testing.T) {
	s, changes := v1alpha1.CanaryStatus{ObservedGeneration: -1, Record: []byte(`{"number":7}`)}, []string{}
	for _, scene := range scenes.All() {
		for tick := range 3 {
			r := progress.Of(scene.Facts)
			r.At = r.At.Add(time.Duration(tick) * time.Hour)
			r.Name = "checkout-7"
			next := native.Report(s, r, nil, 1)
			if !reflect.DeepEqual(next, s) {
				changes = append(changes, scene.Name)
				if tick > 0 && !strings.HasPrefix(scene.Name, "starting") {
					t.Errorf("%s: the same scene changed the status again: %+v, then %+v", scene.Name, s, next)
				}
			}
			s = next
		}
	}
	want := []string{"starting", "first", "growing", "unavailable", "scarce", "approval", "paused", "trouble", "rolling-back", "rolled-back", "superseded", "skipped", "promoted"}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("written at %v,\nwant         %v", changes, want)
	}
	if string(s.Record) != `{"number":7}` {
		t.Errorf("the record was changed: %s", s.Record)
	}
}

func TestTimesStayWhileTheStatusDoes(t *testing.T) {
	moving := progress.Of(scenes.Growing())
	first := native.Report(v1alpha1.CanaryStatus{}, moving, nil, 1)
	paused := progress.Of(scenes.Paused())
	second := native.Report(first, paused, nil, 2)
	if got := second.Conditions[0]; !got.LastTransitionTime.Equal(&first.Conditions[0].LastTransitionTime) || got.Reason != "Paused" {
		t.Errorf("Ready stayed Unknown and is %+v, was %+v", got, first.Conditions[0])
	}
	done := progress.Of(scenes.Promoted())
	third := native.Report(second, done, nil, 2)
	if got := third.Conditions; len(got) != 1 || !got[0].LastTransitionTime.Time.Equal(done.At.UTC().Truncate(time.Second)) {
		t.Errorf("promoted: got %+v, want one condition from %s on", got, done.At)
	}
}

func TestRefusedKeepsWhatRuns(t *testing.T) {
	before := native.Report(v1alpha1.CanaryStatus{}, progress.Of(scenes.Promoted()), nil, 1)
	var notes compile.Notes
	notes.Warn(plan.Origin{Field: "spec.judge"}, "no matter")
	notes.Refuse(plan.Origin{Field: "spec.steps[0].weight"}, "no")
	for range 40 {
		notes.Refuse(plan.Origin{Field: "spec.steps"}, "%s", strings.Repeat("x", 5000))
	}
	s := native.Refused(before, notes, 2, noon)
	if s.Stable != "v42" || s.Release != before.Release || s.Message != "spec.steps[0].weight: no" {
		t.Errorf("got %+v", s)
	}
	if d := s.Diagnostics; len(d) != 32 || d[0] != (v1alpha1.Diagnostic{Field: "spec.steps[0].weight", Severity: "error", Message: "no"}) || len(d[1].Message) > 1100 {
		t.Errorf("%d diagnostics, first %+v", len(d), d[0])
	}
	if again := native.Refused(s, notes, 2, noon.Add(time.Hour)); !reflect.DeepEqual(again, s) {
		t.Error("the same refusal changed the status")
	}
}
