package statefulset

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload/batch"
)

// words writes pools on one line.
func words(pools []plan.Pool) string {
	var texts []string
	for _, p := range pools {
		texts = append(texts, fmt.Sprintf("%s: %d wanted, %d ready, %d running", p.Revision, p.Wanted, p.Ready, p.Running))
	}
	return strings.Join(texts, "; ")
}

// sized is a StatefulSet of a size, with a partition.
func sized(replicas, partition int32) *set {
	return &set{&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: &replicas, UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
		Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition},
	}}}}
}

// text writes a move.
func text(m batch.Move) string {
	text := fmt.Sprintf("partition %d", m.Partition)
	if m.Partition == beyond {
		text = "held"
	}
	if m.Put != "" {
		text += fmt.Sprintf(", put %s", m.Put)
	}
	if m.HandBack {
		text += " back"
	}
	for _, o := range m.Leave {
		text += fmt.Sprintf(", %d leaves", ordinal(o.Pod))
	}
	for _, o := range m.Remove {
		text += fmt.Sprintf(", delete %d", ordinal(o.Pod))
	}
	return text
}
