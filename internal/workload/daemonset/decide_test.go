package daemonset

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload/batch"
)

// pods writes those of a DaemonSet as "old old new! new-": one word per node, with ! not ready, ? not ready and
// older than the others, - told to go, and . no pod.
func pods(text string) []batch.Member {
	var members []batch.Member
	for i, word := range strings.Fields(text) {
		if word == "." {
			continue
		}
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("agent-%d", i), UID: types.UID(fmt.Sprint(i))}}
		p.CreationTimestamp = metav1.Unix(200, 0)
		if strings.HasSuffix(word, "?") {
			p.CreationTimestamp = metav1.Unix(100, 0)
		}
		if !strings.ContainsAny(word, "!?") {
			p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1",
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
		}
		members = append(members, batch.Member{
			Pod: p, Instance: p.Name, Revision: plan.Revision(strings.TrimRight(word, "!?-")), Going: strings.HasSuffix(word, "-"),
		})
	}
	return members
}

// text writes a move.
func text(m batch.Move) string {
	var parts []string
	if m.Put != "" {
		parts = append(parts, "put "+string(m.Put))
	}
	if m.HandBack {
		parts = append(parts, "back")
	}
	for _, o := range m.Leave {
		parts = append(parts, o.Pod.Name+" leaves")
	}
	for _, o := range m.Remove {
		parts = append(parts, "delete "+o.Pod.Name)
	}
	return strings.Join(parts, ", ")
}

func TestDecide(t *testing.T) {
	type wish = map[plan.Revision]int
	for _, c := range []struct {
		reason, pods string
		template     plan.Revision
		asked        plan.Revision
		rest         bool
		unsettled    bool
		unavailable  int
		want         wish
		keep, result string
	}{
		{reason: "nothing changed", pods: "a a a", template: "a", want: wish{"a": 3}},
		{reason: "a changed template rolls nothing, and stays", pods: "a a a", template: "b", want: wish{"a": 3}},
		{reason: "the first batch, by node", pods: "a a a", template: "b", want: wish{"a": 2, "b": 1}, result: "delete agent-0"},
		{reason: "one at a time", pods: "a a a", template: "b", want: wish{"a": 1, "b": 2}, result: "delete agent-0"},
		{reason: "as many at a time as the user says", pods: "a a a", template: "b", unavailable: 2, want: wish{"a": 1, "b": 2}, result: "delete agent-0, delete agent-1"},
		{reason: "the next waits for the one before", pods: "a b! a", template: "b", want: wish{"a": 1, "b": 2}},
		{reason: "a pod that goes is not there", pods: "a- a a", template: "b", want: wish{"a": 2, "b": 1}},
		{reason: "a node without a pod gets one", pods: ". a a", template: "b", want: wish{"a": 2, "b": 1}},
		{reason: "what is not ready goes first", pods: "a a a!", template: "b", want: wish{"a": 2, "b": 1}, result: "delete agent-2"},
		{reason: "not before Kubernetes knows the template", pods: "a a a", template: "b", unsettled: true, want: wish{"a": 2, "b": 1}},
		{reason: "not while requests are under way", pods: "a a a", template: "b", want: wish{"a": 2, "b": 1}, keep: "agent-0", result: "agent-0 leaves"},
		{reason: "back: the template first", pods: "a b b", template: "b", want: wish{"a": 3}, result: "put a"},
		{reason: "back: one at a time", pods: "a b b", template: "a", want: wish{"a": 3}, result: "delete agent-1"},
		{reason: "back: those that are not ready at once", pods: "a b! b!", template: "a", want: wish{"a": 3}, result: "delete agent-1, delete agent-2"},
		{reason: "back: a sick pod of the old revision does not keep the new one", pods: "a? b b", template: "a", want: wish{"a": 3}, result: "delete agent-1"},
		{reason: "back: nor does it let two go at once", pods: "a? . b", template: "a", want: wish{"a": 3}},
		{reason: "back, though somebody wrote a third", pods: "a b", template: "c", want: wish{"a": 2}, result: "put a"},
		{reason: "a new node made one too many", pods: "a a b b", template: "b", want: wish{"a": 3, "b": 1}, result: "put a"},
		{reason: "the one too many goes", pods: "a a b b", template: "a", want: wish{"a": 3, "b": 1}, result: "delete agent-2"},
		{reason: "forward again with the next batch", pods: "a a a b", template: "a", want: wish{"a": 2, "b": 2}, result: "put b"},
		{reason: "what it would read may change: copies take its place first", pods: "a a a", template: "b*", want: wish{"a": 2, "b": 1}, result: "put b"},
		{reason: "back: pods whose configuration has changed under them go too", pods: "a* a", template: "a", want: wish{"a": 2}, result: "delete agent-0"},
		{reason: "at rest what the user wrote stands there again", pods: "b b", template: "b", asked: "b", rest: true, want: wish{"b": 2}, result: "put b, back"},
		{reason: "at rest, but the user asks for what was rejected", pods: "a a", template: "a", asked: "b", want: wish{"a": 2}},
		{reason: "no nodes", pods: "", template: "a", want: wish{"a": 1}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			f := facts{full: len(strings.Fields(c.pods)), unavailable: max(1, c.unavailable), settled: !c.unsettled, Sight: batch.Sight{
				Template: c.template, Asked: c.asked, Instead: c.asked != "", Rest: c.rest, Members: pods(c.pods),
			}}
			if got := text(decide(f, c.want, map[string]bool{c.keep: true})); got != c.result {
				t.Errorf("got %q, want %q", got, c.result)
			}
		})
	}
}

// Whatever is ordered, moves come to an end at the order, with at most one pod missing at a time.
func TestMovesArrive(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for from := 0; from <= n; from++ {
			for to := 0; to <= n; to++ {
				members := pods(strings.Repeat("b ", from) + strings.Repeat("a ", n-from))
				template, want := plan.Revision("b"), map[plan.Revision]int{"a": n - to, "b": to}
				for range 4 * n {
					m := decide(facts{full: n, unavailable: 1, settled: true, Sight: batch.Sight{Template: template, Members: members}}, want, nil)
					if len(m.Remove) > 1 {
						t.Fatalf("%d of %d to %d: %s", from, n, to, text(m))
					}
					if m.Put != "" {
						template = m.Put
					}
					for _, gone := range m.Remove { // and come back at once
						i := slices.IndexFunc(members, func(o batch.Member) bool { return o.Pod == gone.Pod })
						members[i].Revision = template
					}
				}
				f := facts{full: n, Sight: batch.Sight{Template: template, Members: members}}
				if got := f.count(); got["a"] != n-to || got["b"] != to {
					t.Errorf("%d of %d to %d ended at %v", from, n, to, got)
				}
			}
		}
	}
}

func TestPoolsAreAsManyAsNodes(t *testing.T) {
	for _, c := range []struct {
		reason, pods string
		template     plan.Revision
		want         string
	}{
		{"idle", "a a a", "a", "a: 3 wanted, 3 ready, 3 running"},
		{"a changed template", "a a a", "b", "a: 3 wanted, 3 ready, 3 running"},
		{"one goes", "a- a a", "b", "a: 2 wanted, 2 ready, 3 running; b: 1 wanted, 0 ready, 0 running"},
		{"one has gone", ". a a", "b", "a: 2 wanted, 2 ready, 2 running; b: 1 wanted, 0 ready, 0 running"},
		{"one starts", "b! a a", "b", "a: 2 wanted, 2 ready, 2 running; b: 1 wanted, 0 ready, 1 running"},
		{"going back", "b a a", "a", "a: 2 wanted, 2 ready, 2 running; b: 1 wanted, 1 ready, 1 running"},
	} {
		of := &set{&appsv1.DaemonSet{}}
		of.Status.DesiredNumberScheduled = int32(len(strings.Fields(c.pods)))
		if got := words(batch.Pools(of, c.template, "", pods(c.pods))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.reason, got, c.want)
		}
	}
}

// words writes pools on one line.
func words(pools []plan.Pool) string {
	var texts []string
	for _, p := range pools {
		texts = append(texts, fmt.Sprintf("%s: %d wanted, %d ready, %d running", p.Revision, p.Wanted, p.Ready, p.Running))
	}
	return strings.Join(texts, "; ")
}
