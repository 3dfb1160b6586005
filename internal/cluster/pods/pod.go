package pods

import (
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/plan"
)

// Terminating reports whether the pod has been told to go.
func Terminating(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }

// Over reports whether the pod has ended and never runs again.
func Over(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// Ready reports whether the pod can serve: it says so, has an address and is not leaving.
func Ready(p *corev1.Pod) bool {
	if Terminating(p) || Over(p) || p.Status.PodIP == "" {
		return false
	}
	c := condition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// Endpoint is where the pod answers, under its own name. port is the name or the number of a port; empty: the one called
// http, or web, or the first that is declared, or 80.
func Endpoint(p *corev1.Pod, port string) plan.Endpoint {
	number, scheme := choose(p, port)
	host := p.Status.PodIP
	return plan.Endpoint{Instance: p.Name, URL: scheme + "://" + net.JoinHostPort(host, strconv.Itoa(number))}
}

// Incarnation names a pod whose name is used again by the one that replaces it: "db-0@3f6a91".
func Incarnation(p *corev1.Pod) string {
	id := strings.ReplaceAll(string(p.UID), "-", "")
	return p.Name + "@" + id[:min(6, len(id))]
}

// choose finds a port and the scheme that its name tells of.
func choose(p *corev1.Pod, want string) (number int, scheme string) {
	declared := tcp(p)
	for _, name := range []string{want, "http", "web"} {
		for _, c := range declared {
			if name != "" && (c.Name == name || strconv.Itoa(int(c.ContainerPort)) == name) {
				return int(c.ContainerPort), schemeOf(c)
			}
		}
		if n, err := strconv.ParseUint(name, 10, 16); err == nil && n > 0 {
			return int(n), "http" // ports need not be declared
		}
	}
	if len(declared) > 0 {
		return int(declared[0].ContainerPort), schemeOf(declared[0])
	}
	return 80, "http"
}

func tcp(p *corev1.Pod) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.Protocol == corev1.ProtocolTCP || port.Protocol == "" {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

func schemeOf(c corev1.ContainerPort) string {
	if c.Name == "https" || strings.HasPrefix(c.Name, "https-") {
		return "https"
	}
	return "http"
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}
