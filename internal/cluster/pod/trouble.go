package pod

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Trouble says why pods are not ready, by the one that says it best; "" when all are, or are only starting. The words stay
// the same as long as the trouble does.
func Trouble(pods []*corev1.Pod) string {
	var worst trouble
	ill, all := 0, 0
	for _, p := range pods {
		if p.DeletionTimestamp != nil || !Exists(p) {
			continue
		}
		all++
		t := troubleOf(p)
		if t.rank == fine {
			continue
		}
		ill++
		if t.rank > worst.rank {
			worst = t
		}
	}
	switch {
	case ill == 0:
		return ""
	case all == 1:
		return worst.text
	}
	return fmt.Sprintf("%d of %d pods are not ready; %s", ill, all, worst.text)
}

// A rank orders troubles: what will not mend by waiting comes first.
type rank int

const (
	fine rank = iota
	unready
	pending
	broken
)

type trouble struct {
	rank rank
	text string
}

func troubleOf(p *corev1.Pod) trouble {
	if holds(p, corev1.PodReady) {
		return trouble{}
	}
	if c := condition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return trouble{pending, fmt.Sprintf("pod %s cannot be scheduled: %s", p.Name, brief(c.Message))}
	}
	statuses := append(append([]corev1.ContainerStatus(nil), p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...)
	var found trouble
	for _, s := range statuses {
		if t := containerTrouble(s); t.rank > found.rank {
			found = trouble{t.rank, fmt.Sprintf("pod %s: container %s %s", p.Name, s.Name, t.text)}
		}
	}
	return found
}

func containerTrouble(s corev1.ContainerStatus) trouble {
	switch {
	case s.State.Waiting != nil:
		return waiting(s)
	case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
		return trouble{broken, ended(s.State.Terminated)}
	case s.State.Running != nil && !s.Ready && s.RestartCount > 0 && s.LastTerminationState.Terminated != nil:
		return trouble{broken, ended(s.LastTerminationState.Terminated) + restarts(s)}
	case s.State.Running != nil && !s.Ready:
		return trouble{unready, "runs and has not passed its readiness probe"}
	}
	return trouble{}
}

func waiting(s corev1.ContainerStatus) trouble {
	w := s.State.Waiting
	switch w.Reason {
	case "", "ContainerCreating", "PodInitializing":
		return trouble{}
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable":
		return trouble{broken, fmt.Sprintf("cannot pull image %s: %s", s.Image, brief(w.Message))}
	case "CrashLoopBackOff":
		if last := s.LastTerminationState.Terminated; last != nil {
			return trouble{broken, ended(last) + restarts(s)}
		}
	}
	return trouble{broken, fmt.Sprintf("cannot start (%s): %s", w.Reason, brief(w.Message))}
}

func ended(t *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("ended with exit code %d", t.ExitCode)
	if t.Signal != 0 {
		text = fmt.Sprintf("was ended by signal %d", t.Signal)
	}
	if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
		text += " (" + t.Reason + ")"
	}
	if message := brief(t.Message); message != "" {
		text += ": " + message
	}
	return text
}

// restarts counts coarsely, so that the words do not change with every restart.
func restarts(s corev1.ContainerStatus) string {
	if s.RestartCount < 2 {
		return ""
	}
	return ", again and again"
}

// brief keeps the end of what a program or a registry has said, on one line.
func brief(message string) string {
	const longest = 300
	message = strings.Join(strings.Fields(message), " ")
	if r := []rune(message); len(r) > longest {
		return "..." + string(r[len(r)-longest:])
	}
	return message
}
