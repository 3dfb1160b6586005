package statefulset

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload/batch"
)

// pods writes those of a StatefulSet as "old old new! new-": one word per ordinal, with ! not ready, ? not ready
// and older than the others, - told to go, and . no pod.
func pods(text string) []batch.Member {
	var members []batch.Member
	for i, word := range strings.Fields(text) {
		if word == "." {
			continue
		}
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("db-%d", i), UID: types.UID(fmt.Sprintf("%06d", i))}}
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

func TestDecide(t *testing.T) {
	type wish = map[plan.Revision]int
	for _, c := range []struct {
		reason, pods    string
		update, current plan.Revision
		asked           plan.Revision
		ordered         bool
		want            wish
		keep, result    string
	}{
		{reason: "nothing changed", pods: "a a a", update: "a", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "a changed template rolls nothing", pods: "a a a", update: "b", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "the first batch", pods: "a a a", update: "b", current: "a", want: wish{"a": 2, "b": 1}, result: "partition 2"},
		{reason: "the batch waits for requests", pods: "a a a", update: "b", current: "a", want: wish{"a": 2, "b": 1}, keep: "2",
			result: "partition 3, 2 leaves"},
		{reason: "the batch waits for a pod below it, which Kubernetes would not", pods: "a- a a", update: "b", current: "a", want: wish{"a": 2, "b": 1},
			result: "partition 3"},
		{reason: "nor for one that has just come", pods: "a! a b", update: "b", current: "a", want: wish{"a": 1, "b": 2}, result: "partition 2"},
		{reason: "one that is sick for long does not keep it", pods: "a? a a", update: "b", current: "a", want: wish{"a": 2, "b": 1}, result: "partition 2"},
		{reason: "of two, the lower is kept: Kubernetes may have the higher", pods: "a a a", update: "b", current: "a", want: wish{"a": 1, "b": 2}, keep: "1",
			result: "partition 2, 1 leaves"},
		{reason: "what is not ready goes first", pods: "a a! a", update: "b", current: "a", want: wish{"a": 1, "b": 2}, result: "partition 1, delete 1"},
		{reason: "the whole", pods: "a a b", update: "b", current: "a", want: wish{"a": 0, "b": 3}, result: "partition 0"},
		{reason: "the whole arrived", pods: "b b b", update: "b", current: "b", want: wish{"b": 3}, result: "held"},
		{reason: "back: one after the other, lowest first", pods: "a b b", update: "b", current: "a", want: wish{"a": 3}, result: "held, delete 1"},
		{reason: "back: the next waits until all are ready", pods: "a a! b", update: "b", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "back: the next waits until one comes back", pods: "a . b", update: "b", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "back: the next waits for one that goes", pods: "a b- b", update: "b", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "back: those that are not ready go at once", pods: "a b! b!", update: "b", current: "a", want: wish{"a": 3}, result: "held, delete 1, delete 2"},
		{reason: "back: one that requests are under way to stays", pods: "a a b", update: "b", current: "a", want: wish{"a": 3}, keep: "2", result: "held, 2 leaves"},
		{reason: "back: a sick pod of the old revision does not keep the new one", pods: "a? b b", update: "b", current: "a", want: wish{"a": 3},
			result: "held, delete 1"},
		{reason: "back: nor does it let two go at once", pods: "a? . b", update: "b", current: "a", want: wish{"a": 3}, result: "held"},
		{reason: "back: but where Kubernetes makes pods in order it does", pods: "a? b b", update: "b", current: "a", ordered: true, want: wish{"a": 3},
			result: "held"},
		{reason: "half back", pods: "a b b", update: "b", current: "a", want: wish{"a": 2, "b": 1}, result: "partition 2, delete 1"},
		{reason: "grown during a batch: what is too many goes back", pods: "a a b b b", update: "b", current: "a", want: wish{"a": 4, "b": 1},
			result: "partition 4, delete 2"},
		{reason: "changed again during a batch: nobody gets the newest", pods: "a a b c", update: "c", current: "a", want: wish{"a": 2, "b": 2},
			result: "held"},
		{reason: "changed again, and back", pods: "a a b c", update: "c", current: "a", want: wish{"a": 4}, result: "held, delete 2"},
		{reason: "back after Kubernetes took the new one for current", pods: "b b b", update: "b", current: "b", want: wish{"a": 3, "b": 0},
			result: "held, put a"},
		{reason: "its template is there again: all roll", pods: "b b b", update: "a", current: "b", asked: "b", want: wish{"a": 3}, result: "partition 0"},
		{reason: "all rolled: what is asked for is put there again", pods: "a a a", update: "a", current: "a", asked: "b", want: wish{"a": 3},
			result: "held, put b back"},
		{reason: "what it would read may change: copies take its place first", pods: "a a a", update: "b*", current: "a", asked: "b", want: wish{"a": 2, "b": 1},
			result: "held, put b"},
		{reason: "with copies in place", pods: "a a a", update: "b", current: "a", asked: "b", want: wish{"a": 2, "b": 1}, result: "partition 2"},
		{reason: "all have them: what the user wrote stands there again", pods: "b b b", update: "b", current: "b", asked: "b", want: wish{"b": 3},
			result: "held, put b back"},
		{reason: "back: what the user wrote stands there again", pods: "a a a", update: "b", current: "a", asked: "b", want: wish{"a": 3},
			result: "held, put b back"},
		{reason: "back, and what the old ones read has changed: copies of that first", pods: "a* a* b", update: "b", current: "a*", asked: "b", want: wish{"a": 3},
			result: "held, put a"},
		{reason: "then all get them", pods: "a* a* b", update: "a", current: "a*", asked: "b", want: wish{"a": 3}, result: "partition 0"},
		{reason: "a stranger goes", pods: "a a x", update: "a", current: "a", want: wish{"a": 3}, result: "held, delete 2"},
		{reason: "no pods yet", pods: ". . .", update: "b", current: "a", want: wish{"a": 2, "b": 1}, result: "partition 2"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			f := facts{replicas: len(strings.Fields(c.pods)), partition: beyond, settled: true, unavailable: 1, ordered: c.ordered,
				Sight: batch.Sight{Template: c.update, Current: c.current, Asked: cmp.Or(c.asked, c.update), Instead: c.asked != "" && c.update != c.asked+"*", Members: pods(c.pods)}}
			keep := map[string]bool{}
			for _, o := range f.Members {
				if strings.Contains(c.keep, fmt.Sprint(ordinal(o.Pod))) {
					keep[o.Instance] = true
				}
			}
			if got := text(decide(f, c.want, keep)); got != c.result {
				t.Errorf("got %q, want %q", got, c.result)
			}
		})
	}
}

// Wherever ordinals begin, the partition counts from there.
func TestDecideFromAnotherStart(t *testing.T) {
	members := pods(". . . . . a a a")
	f := facts{replicas: 3, start: 5, unavailable: 1, Sight: batch.Sight{Template: "b", Current: "a", Members: members}}
	got := text(decide(f, map[plan.Revision]int{"a": 2, "b": 1}, map[string]bool{members[2].Instance: true}))
	if got != "partition 3, 7 leaves" {
		t.Errorf("got %q", got)
	}
}

func TestPoolsAreAsManyAsTheSet(t *testing.T) {
	for _, c := range []struct {
		reason, pods    string
		update, current plan.Revision
		partition       int32
		want            string
	}{
		{"idle", "a a a", "a", "a", beyond, "a: 3 wanted, 3 ready, 3 running"},
		{"a changed template", "a a a", "b", "a", beyond, "a: 3 wanted, 3 ready, 3 running"},
		{"a batch begins", "a a a-", "b", "a", 2, "a: 2 wanted, 2 ready, 3 running; b: 1 wanted, 0 ready, 0 running"},
		{"a batch stands", "a a b", "b", "a", 2, "a: 2 wanted, 2 ready, 2 running; b: 1 wanted, 1 ready, 1 running"},
		{"going back", "a a b", "b", "a", beyond, "a: 2 wanted, 2 ready, 2 running; b: 1 wanted, 1 ready, 1 running"},
		{"the last goes back", "a a b-", "b", "a", beyond, "a: 3 wanted, 2 ready, 2 running; b: 0 wanted, 0 ready, 1 running"},
		{"three revisions", "a b c", "c", "a", beyond, "a: 1 wanted, 1 ready, 1 running; b: 1 wanted, 1 ready, 1 running; c: 1 wanted, 1 ready, 1 running"},
		{"nothing yet", ". . .", "a", "a", 0, "a: 3 wanted, 0 ready, 0 running"},
	} {
		of := sized(int32(len(strings.Fields(c.pods))), c.partition)
		if got := words(batch.Pools(of, c.update, c.current, pods(c.pods))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.reason, got, c.want)
		}
	}
}
