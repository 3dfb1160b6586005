package pod

import (
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/plan"
)

// Exists reports whether the pod still takes up room: one that has ended, because it was evicted for instance, does not.
func Exists(p *corev1.Pod) bool {
	return p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

// Serves reports whether requests may be sent to the pod: it is ready and not on its way out.
func Serves(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && Exists(p) && p.Status.PodIP != "" && holds(p, corev1.PodReady)
}

// ReadySince is when the pod last became ready; zero while it is not.
func ReadySince(p *corev1.Pod) time.Time {
	if c := condition(p, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

func holds(p *corev1.Pod, want corev1.PodConditionType) bool {
	c := condition(p, want)
	return c != nil && c.Status == corev1.ConditionTrue
}

func condition(p *corev1.Pod, want corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == want {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// Endpoint is where a pod answers: the port named http, or else the first one that its containers declare.
func Endpoint(p *corev1.Pod) plan.Endpoint {
	host, port := p.Status.PodIP, int32(0)
	for _, c := range p.Spec.Containers {
		for _, o := range c.Ports {
			if port == 0 || o.Name == "http" {
				port = o.ContainerPort
			}
			if o.Name == "http" {
				return endpoint(p, host, port)
			}
		}
	}
	return endpoint(p, host, port)
}

func endpoint(p *corev1.Pod, host string, port int32) plan.Endpoint {
	if port == 0 {
		port = 80 // none is declared, and none is as good as another
	}
	return plan.Endpoint{Instance: p.Name, URL: "http://" + net.JoinHostPort(host, strconv.Itoa(int(port)))}
}

// Owner is the object that made the pod and looks after it; "" where nobody does.
func Owner(p *corev1.Pod) types.UID {
	if ref := metav1.GetControllerOf(p); ref != nil {
		return ref.UID
	}
	return ""
}
