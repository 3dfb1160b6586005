package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// pods writes pods as "ready ready starting".
func pods(text string) []*corev1.Pod {
	var all []*corev1.Pod
	for i, word := range strings.Fields(text) {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("web-%d", i)}, Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"}}
		p.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:v1"}}
		if word == "ready" {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		all = append(all, p)
	}
	return all
}

func TestPool(t *testing.T) {
	for _, c := range []struct {
		reason string
		pair   pair
		side   side
		want   string
	}{
		{"before the first order, both are asked for", pair{full: 3}, side{revision: "r1", size: 3, pods: pods("ready ready ready")},
			"r1: 3 wanted, 3 ready, 3 updated, 3 running, 3 endpoints"},
		{"nothing stands there", pair{full: 3}, side{}, ": 0 wanted, 0 ready, 0 updated, 0 running, 0 endpoints"},
		{"ordered", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 4}},
			side{revision: "r1", size: 2, pods: pods("ready ready")}, "r1: 4 wanted, 4 ready, 4 updated, 2 running, 2 endpoints"},
		{"a part of it is ready", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 4}},
			side{revision: "r1", size: 2, pods: pods("ready starting")}, "r1: 4 wanted, 2 ready, 2 updated, 2 running, 1 endpoints"},
		{"one of many counts as one", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 2}},
			side{revision: "r1", size: 9, pods: pods("ready")}, "r1: 2 wanted, 1 ready, 1 updated, 1 running, 1 endpoints"},
		{"it still rolls", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 2}},
			side{revision: "r1", size: 2, old: 1, pods: pods("ready ready")}, "r1: 2 wanted, 2 ready, 1 updated, 2 running, 2 endpoints"},
		{"it was changed meanwhile", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 2}},
			side{revision: "r2", size: 2, pods: pods("ready ready")}, "r1: 2 wanted, 2 ready, 0 updated, 2 running, 2 endpoints"},
		{"not asked for", pair{ordered: map[string]plan.Revision{"web": "r1"}, wanted: map[string]int{"web": 0}, keep: map[string]bool{"web-1": true}},
			side{revision: "r1", size: 2, pods: pods("ready ready")}, "r1: 0 wanted, 0 ready, 0 updated, 1 running, 0 endpoints"},
	} {
		p := c.pair.pool("web", c.side)
		got := fmt.Sprintf("%s: %d wanted, %d ready, %d updated, %d running, %d endpoints", p.Revision, p.Wanted, p.Ready, p.Updated, p.Running, len(p.Endpoints))
		if got != c.want || p.Service != "web" {
			t.Errorf("%s:\n got %s\nwant %s", c.reason, got, c.want)
		}
	}
}

func TestRevisionSurvivesScalingAndRestarts(t *testing.T) {
	deployment := func(replicas int32, image string) *appsv1.Deployment {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{Replicas: &replicas}}
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: image}}
		return d
	}
	revision := func(text string, found ...client.Object) plan.Revision {
		s, err := sum(found, pods(text))
		if err != nil {
			t.Fatal(err)
		}
		return s.revision
	}
	one := revision("ready", deployment(1, "web:v1"))
	for reason, same := range map[string]plan.Revision{
		"scaled":                    revision("ready ready", deployment(2, "web:v1")),
		"restarting":                revision("", deployment(1, "web:v1")),
		"another one has no pods":   revision("ready", deployment(1, "web:v1"), deployment(0, "web:v2")),
		"two of the same, in order": revision("ready", deployment(1, "web:v1"), deployment(1, "web:v1")),
	} {
		if same != one {
			t.Errorf("%s: %s, before %s", reason, same, one)
		}
	}
	two := revision("", deployment(1, "web:v1"), deployment(1, "web:v2"))
	if two == one || two != revision("", deployment(1, "web:v2"), deployment(1, "web:v1")) {
		t.Errorf("two workloads are %s", two)
	}
	if r := revision("starting"); r != "" {
		t.Errorf("pods that never served are %s", r)
	}
	if a, b := revision("ready"), revision("ready ready"); a == "" || a != b {
		t.Errorf("bare pods: %s and %s", a, b)
	}
}

func TestOrdersAreChecked(t *testing.T) {
	p := New(workload.Env{})
	order := func(template string, n int) workload.PoolOrder {
		return workload.PoolOrder{Pool: "r1", Revision: "r1", Template: json.RawMessage(template), Replicas: n}
	}
	good := `{"service":"web-v1","other":"web-v2","revision":"r1"}`
	for reason, pools := range map[string][]workload.PoolOrder{
		"twice":         {order(good, 1), order(good, 1)},
		"negative":      {order(good, -1)},
		"unknown field": {order(`{"service":"a","other":"b","revision":"r","noSuchField":1}`, 1)},
		"a pair of one": {order(`{"service":"a","other":"a","revision":"r"}`, 1)},
		"no template":   {order(``, 1)},
	} {
		if err := p.Apply(t.Context(), "Service/shop/web-v1", workload.Order{Pools: pools}); err == nil {
			t.Errorf("%s was accepted", reason)
		}
	}
	if p.known("Service/shop/web-v1") != nil {
		t.Error("a refused order was noted")
	}
	if _, err := p.Observe(t.Context(), "Service/shop/web-v1"); err == nil {
		t.Error("a pair that nobody named was observed")
	}
}
