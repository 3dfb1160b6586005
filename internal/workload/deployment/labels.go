package deployment

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// aside is the value of a label that keeps the canary's pods apart: "checkout-canary".
func aside(value string) string { return cluster.Key{Name: value}.Beside(string(plan.Canary)) }

// apart is the labels of stable's pods, changed until neither the Deployment's selector nor a Service of the namespace
// selects them: every label of the selector first, then those by which a Service still does.
func apart(of *appsv1.Deployment, services []corev1.Service) map[string]string {
	return changed(of.Spec.Template.Labels, of.Spec.Selector, services)
}

// keepApart changes the labels of a canary's pods, see apart, and lets the pods' own selectors follow.
func keepApart(own *appsv1.Deployment, selector *metav1.LabelSelector, services []corev1.Service) {
	pods := &own.Spec.Template
	original := pods.Labels
	pods.Labels = changed(original, selector, services)
	follow(&pods.Spec, original, pods.Labels)
}

func changed(original map[string]string, selector *metav1.LabelSelector, services []corev1.Service) map[string]string {
	now := maps.Clone(original)
	change := func(label string) {
		if value, ok := original[label]; ok {
			now[label] = aside(value)
		}
	}
	for _, label := range selectorLabels(selector) {
		change(label)
	}
	for again := true; again; {
		again = false
		for _, s := range services {
			if !selects(s, now) {
				continue
			}
			for label := range s.Spec.Selector {
				again = again || now[label] == original[label]
				change(label)
			}
		}
	}
	return now
}

func selectorLabels(s *metav1.LabelSelector) []string {
	if s == nil {
		return nil
	}
	names := slices.Collect(maps.Keys(s.MatchLabels))
	for _, e := range s.MatchExpressions {
		names = append(names, e.Key)
	}
	return names
}

// selects reports whether a Service of the user's reaches pods with these labels.
func selects(s corev1.Service, pods map[string]string) bool {
	if len(s.Spec.Selector) == 0 || s.Labels[cluster.TargetLabel] != "" {
		return false
	}
	for label, wanted := range s.Spec.Selector {
		if value, ok := pods[label]; !ok || value != wanted {
			return false
		}
	}
	return true
}

// follow lets the pod's own selectors, which spread its pods or keep them apart, mean pods of its own kind: where they name
// a label that was changed, they name the new value.
func follow(spec *corev1.PodSpec, original, now map[string]string) {
	for i := range spec.TopologySpreadConstraints {
		followSelector(spec.TopologySpreadConstraints[i].LabelSelector, original, now)
	}
	if spec.Affinity == nil {
		return
	}
	if a := spec.Affinity.PodAffinity; a != nil {
		followTerms(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, original, now)
	}
	if a := spec.Affinity.PodAntiAffinity; a != nil {
		followTerms(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution, original, now)
	}
}

func followTerms(must []corev1.PodAffinityTerm, may []corev1.WeightedPodAffinityTerm, original, now map[string]string) {
	for i := range must {
		followSelector(must[i].LabelSelector, original, now)
	}
	for i := range may {
		followSelector(may[i].PodAffinityTerm.LabelSelector, original, now)
	}
}

// followSelector leaves a selector alone that means other pods: only a value that the pod itself had is followed.
func followSelector(s *metav1.LabelSelector, original, now map[string]string) {
	if s == nil {
		return
	}
	for label, value := range s.MatchLabels {
		if own, ok := original[label]; ok && own == value {
			s.MatchLabels[label] = now[label]
		}
	}
	for i := range s.MatchExpressions {
		e := &s.MatchExpressions[i]
		for j, value := range e.Values {
			if own, ok := original[e.Key]; ok && own == value {
				e.Values[j] = now[e.Key]
			}
		}
	}
}
