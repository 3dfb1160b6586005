package pods

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod is one that serves; changes make it another.
func pod(changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-0", UID: "3f6a91b2-0000-4000-8000-000000000000"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{
			{Name: "grpc", ContainerPort: 9999}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "http", ContainerPort: 9898},
		}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.7",
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	for _, change := range changes {
		change(p)
	}
	return p
}

func ports(named ...corev1.ContainerPort) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Ports = named }
}

func leaving(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }

func unready(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }

func TestEndpoint(t *testing.T) {
	https := corev1.ContainerPort{Name: "https", ContainerPort: 8443}
	for _, c := range []struct {
		reason, port, want string
		pod                *corev1.Pod
	}{
		{"the port called http, whatever comes first", "", "http://10.0.0.7:9898", pod()},
		{"the port that is asked for by name", "grpc", "http://10.0.0.7:9999", pod()},
		{"the port that is asked for by number", "9999", "http://10.0.0.7:9999", pod()},
		{"ports need not be declared", "8081", "http://10.0.0.7:8081", pod()},
		{"a name that is not there falls back", "metrics", "http://10.0.0.7:9898", pod()},
		{"a number that is no port falls back", "70000", "http://10.0.0.7:9898", pod()},
		{"UDP is no place for a request", "dns", "http://10.0.0.7:9898", pod()},
		{"the first where none is called http", "", "https://10.0.0.7:8443", pod(ports(https))},
		{"nothing is declared", "", "http://10.0.0.7:80", pod(ports())},
		{"IPv6", "", "http://[fd00::7]:9898", pod(func(p *corev1.Pod) { p.Status.PodIP = "fd00::7" })},
	} {
		if got := Endpoint(c.pod, c.port); got.URL != c.want || got.Instance != "shop-0" {
			t.Errorf("%s: got %+v, want %s", c.reason, got, c.want)
		}
	}
	if got := Incarnation(pod()); got != "shop-0@3f6a91" {
		t.Errorf("got incarnation %s", got)
	}
}

func TestReady(t *testing.T) {
	for _, c := range []struct {
		reason string
		pod    *corev1.Pod
		want   bool
	}{
		{"it says so", pod(), true},
		{"it says no", pod(unready), false},
		{"it says nothing", pod(func(p *corev1.Pod) { p.Status.Conditions = nil }), false},
		{"it has been told to go", pod(leaving), false},
		{"it has no address", pod(func(p *corev1.Pod) { p.Status.PodIP = "" }), false},
		{"it has failed, which leaves old conditions", pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), false},
	} {
		if got := Ready(c.pod); got != c.want {
			t.Errorf("%s: got %v", c.reason, got)
		}
	}
}

func status(s corev1.ContainerStatus) func(*corev1.Pod) {
	s.Name, s.Image = "app", "shop:v2"
	return func(p *corev1.Pod) {
		unready(p)
		p.Status.ContainerStatuses = []corev1.ContainerStatus{s}
	}
}

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func exited(s corev1.ContainerStatus, restarts int32, last corev1.ContainerStateTerminated) corev1.ContainerStatus {
	s.RestartCount, s.LastTerminationState = restarts, corev1.ContainerState{Terminated: &last}
	return s
}

func TestTrouble(t *testing.T) {
	at := metav1.Time{Time: time.Date(2026, 3, 1, 12, 30, 5, 0, time.UTC)}
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}}
	no := false
	startup := running
	startup.Started = &no
	stuck := pod(status(waiting("ImagePullBackOff", "Back-off pulling image")))
	loop := waiting("CrashLoopBackOff", "back-off 10s")
	condition := func(kind corev1.PodConditionType, reason, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			unready(p)
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message})
		}
	}
	for _, c := range []struct {
		reason string
		pods   []*corev1.Pod
		want   string
	}{
		{"nobody", nil, ""},
		{"all is well", []*corev1.Pod{pod(), pod()}, ""},
		{"a pod that starts is no trouble", []*corev1.Pod{pod(status(waiting("ContainerCreating", "")))}, ""},
		{"a pod that leaves has no say", []*corev1.Pod{pod(status(loop), leaving)}, ""},
		{"an image", []*corev1.Pod{stuck}, "pod shop-0: container app cannot get its image shop:v2 (ImagePullBackOff): Back-off pulling image"},
		{"a crash", []*corev1.Pod{pod(status(exited(loop, 3, corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error", Message: "no\nDB"})))},
			"pod shop-0: container app ended with exit code 2, 3 restarts: no DB"},
		{"between two crashes it runs", []*corev1.Pod{pod(status(exited(running, 1, corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"})))},
			"pod shop-0: container app ended with exit code 137, killed for using more memory than its limit, 1 restart"},
		{"just ended", []*corev1.Pod{pod(status(corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}))},
			"pod shop-0: container app ended with exit code 1"},
		{"a missing Secret", []*corev1.Pod{pod(status(waiting("CreateContainerConfigError", `secret "db" not found`)))},
			`pod shop-0: container app cannot be started (CreateContainerConfigError): secret "db" not found`},
		{"a readiness probe", []*corev1.Pod{pod(status(running))},
			"pod shop-0: container app runs since 12:30:05 UTC, and its readiness probe does not succeed"},
		{"a startup probe", []*corev1.Pod{pod(status(startup))},
			"pod shop-0: container app runs since 12:30:05 UTC, and its startup probe does not succeed"},
		{"no node", []*corev1.Pod{pod(condition(corev1.PodScheduled, "Unschedulable", "0/3 nodes are available"))},
			"pod shop-0: no node takes it: 0/3 nodes are available"},
		{"evicted", []*corev1.Pod{pod(func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted" })},
			"pod shop-0: it has failed (Evicted)"},
		{"the most telling one speaks for all", []*corev1.Pod{pod(), pod(status(running)), stuck},
			"2 of 3 pods are in trouble; shop-0: container app cannot get its image shop:v2 (ImagePullBackOff): Back-off pulling image"},
		{"a closed readiness gate", []*corev1.Pod{pod(condition("example.com/lb", "Waiting", ""), func(p *corev1.Pod) {
			p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}}
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue})
		})}, "pod shop-0: its readiness gate example.com/lb is closed (Waiting)"},
	} {
		if got := Trouble(c.pods); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.reason, got, c.want)
		}
	}
	long := pod(status(waiting("ErrImagePull", strings.Repeat("x", 5000))))
	if got := Trouble([]*corev1.Pod{long}); len(got) > 500 {
		t.Errorf("%d characters of somebody else's text", len(got))
	}
}
