package pod

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func podWith(name string, status corev1.PodStatus, ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: ports}}},
		Status:     status,
	}
}

func TestEndpoint(t *testing.T) {
	for reason, c := range map[string]struct {
		ip    string
		ports []corev1.ContainerPort
		want  string
	}{
		"the port named http":            {"10.0.0.1", []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}, {Name: "http", ContainerPort: 8080}}, "http://10.0.0.1:8080"},
		"the first, where none is named": {"10.0.0.1", []corev1.ContainerPort{{ContainerPort: 9090}, {ContainerPort: 8080}}, "http://10.0.0.1:9090"},
		"none declared":                  {"10.0.0.1", nil, "http://10.0.0.1:80"},
		"IPv6":                           {"fd00::1", []corev1.ContainerPort{{ContainerPort: 80}}, "http://[fd00::1]:80"},
	} {
		if got := Endpoint(podWith("p", corev1.PodStatus{PodIP: c.ip}, c.ports...)); got.URL != c.want || got.Instance != "p" {
			t.Errorf("%s: got %+v, want %s", reason, got, c.want)
		}
	}
}

func TestServes(t *testing.T) {
	good := corev1.PodStatus{PodIP: "10.0.0.1", Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	if !Serves(podWith("p", good)) {
		t.Error("a ready pod serves")
	}
	leaving := podWith("p", good)
	leaving.DeletionTimestamp = &metav1.Time{}
	evicted := podWith("p", good)
	evicted.Status.Phase = corev1.PodFailed
	young := podWith("p", corev1.PodStatus{PodIP: "10.0.0.1", Phase: corev1.PodRunning})
	for reason, p := range map[string]*corev1.Pod{"it is leaving": leaving, "it was evicted": evicted, "it is not ready": young} {
		if Serves(p) {
			t.Errorf("serves though %s", reason)
		}
	}
	if Exists(evicted) || !Exists(leaving) {
		t.Error("what was evicted takes up no room, what is leaving does")
	}
}

func TestTrouble(t *testing.T) {
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	ended := func(code int32, reason string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: "out of\nluck"}}
	}
	one := func(s corev1.ContainerStatus) corev1.PodStatus {
		s.Name, s.Image = "app", "app:2"
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{s}}
	}
	ready := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	crashing := one(corev1.ContainerStatus{RestartCount: 4, State: waiting("CrashLoopBackOff", "back-off 40s"), LastTerminationState: ended(137, "OOMKilled")})
	for reason, c := range map[string]struct {
		pods []*corev1.Pod
		want string
	}{
		"all is well":         {[]*corev1.Pod{podWith("a", ready)}, ""},
		"it is only starting": {[]*corev1.Pod{podWith("a", one(corev1.ContainerStatus{State: waiting("ContainerCreating", "")}))}, ""},
		"no image":            {[]*corev1.Pod{podWith("a", one(corev1.ContainerStatus{State: waiting("ErrImagePull", "not found")}))}, "pod a: container app cannot pull image app:2: not found"},
		"it crashes":          {[]*corev1.Pod{podWith("a", crashing)}, "pod a: container app ended with exit code 137 (OOMKilled): out of luck, again and again"},
		"between two crashes": {[]*corev1.Pod{podWith("a", one(corev1.ContainerStatus{State: ended(1, "Error")}))}, "pod a: container app ended with exit code 1: out of luck"},
		"a secret is missing": {[]*corev1.Pod{podWith("a", one(corev1.ContainerStatus{State: waiting("CreateContainerConfigError", `secret "x" not found`)}))}, `pod a: container app cannot start (CreateContainerConfigError): secret "x" not found`},
		"the worst of several": {[]*corev1.Pod{
			podWith("a", ready), podWith("b", one(corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})), podWith("c", crashing),
		}, "2 of 3 pods are not ready; pod c: container app ended with exit code 137"},
		"no node": {[]*corev1.Pod{podWith("a", corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"},
		}})}, "pod a cannot be scheduled: 0/3 nodes are available"},
	} {
		got := Trouble(c.pods)
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %q, want %q", reason, got, c.want)
		}
	}
	if long := Trouble([]*corev1.Pod{podWith("a", one(corev1.ContainerStatus{State: waiting("ErrImagePull", strings.Repeat("x", 5000))}))}); len(long) > 500 {
		t.Errorf("%d characters from outside were taken over", len(long))
	}
}
