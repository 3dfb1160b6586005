package pods

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A trouble is why one pod does not serve, and how telling that is.
type trouble struct {
	rank int
	text string
}

// Ranks: what never mends itself is told before what may.
const (
	image = iota
	settings
	crash
	ended
	place
	probe
	fine
)

// longest is how much of a message from the cluster is repeated.
const longest = 300

// Trouble says why pods are not ready, in plain words: the most telling one speaks for all. It is empty when all is
// well, or when pods are only starting. Pods that are leaving have no say.
func Trouble(pods []*corev1.Pod) string {
	worst, who, ill, staying := trouble{rank: fine}, "", 0, 0
	for _, p := range pods {
		if Terminating(p) || p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		staying++
		t := ask(p)
		if t.rank == fine {
			continue
		}
		ill++
		if t.rank < worst.rank {
			worst, who = t, p.Name
		}
	}
	switch {
	case ill == 0:
		return ""
	case staying == 1:
		return fmt.Sprintf("pod %s: %s", who, worst.text)
	}
	return fmt.Sprintf("%d of %d pods are in trouble; %s: %s", ill, staying, who, worst.text)
}

// ask finds what is wrong with one pod.
func ask(p *corev1.Pod) trouble {
	if Ready(p) {
		return trouble{rank: fine}
	}
	if p.Status.Phase == corev1.PodFailed {
		return trouble{ended, "it has failed" + because(p.Status.Reason, p.Status.Message)}
	}
	if c := condition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return trouble{place, "no node takes it" + because("", c.Message)}
	}
	worst := trouble{rank: fine}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if t := container(c); t.rank < worst.rank {
			worst = t
		}
	}
	if worst.rank == fine {
		return gate(p)
	}
	return worst
}

// container finds what is wrong with one container.
func container(c corev1.ContainerStatus) trouble {
	switch w := c.State.Waiting; {
	case w == nil:
	case w.Reason == "CrashLoopBackOff":
		return trouble{crash, fmt.Sprintf("container %s %s", c.Name, crashed(c))}
	case strings.Contains(w.Reason, "Image"): // ErrImagePull, ImagePullBackOff, InvalidImageName, ErrImageNeverPull
		return trouble{image, fmt.Sprintf("container %s cannot get its image %s%s", c.Name, c.Image, because(w.Reason, w.Message))}
	case strings.HasSuffix(w.Reason, "Error"): // CreateContainerConfigError, CreateContainerError, RunContainerError
		return trouble{settings, fmt.Sprintf("container %s cannot be started%s", c.Name, because(w.Reason, w.Message))}
	}
	switch r := c.State.Running; {
	case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0, c.LastTerminationState.Terminated != nil && !c.Ready:
		return trouble{crash, fmt.Sprintf("container %s %s", c.Name, crashed(c))}
	case r == nil || c.Ready:
	case c.Started != nil && !*c.Started:
		return trouble{probe, fmt.Sprintf("container %s runs since %s, and its startup probe does not succeed", c.Name, clock(r.StartedAt.Time))}
	default:
		return trouble{probe, fmt.Sprintf("container %s runs since %s, and its readiness probe does not succeed", c.Name, clock(r.StartedAt.Time))}
	}
	return trouble{rank: fine}
}

// crashed tells how a container ended the last time.
func crashed(c corev1.ContainerStatus) string {
	last := c.State.Terminated
	if last == nil {
		last = c.LastTerminationState.Terminated
	}
	text := "keeps ending"
	if last != nil {
		text = fmt.Sprintf("ended with exit code %d", last.ExitCode)
		if last.Signal != 0 {
			text = fmt.Sprintf("ended by signal %d", last.Signal)
		}
		switch last.Reason {
		case "OOMKilled":
			text += ", killed for using more memory than its limit"
		case "Error", "Completed", "":
		default:
			text += " (" + last.Reason + ")"
		}
	}
	switch c.RestartCount {
	case 0:
	case 1:
		text += ", 1 restart"
	default:
		text += fmt.Sprintf(", %d restarts", c.RestartCount)
	}
	if last != nil {
		text += because("", last.Message)
	}
	return text
}

// gate finds a readiness gate that somebody else has not opened yet.
func gate(p *corev1.Pod) trouble {
	if c := condition(p, corev1.ContainersReady); c == nil || c.Status != corev1.ConditionTrue {
		return trouble{rank: fine}
	}
	for _, g := range p.Spec.ReadinessGates {
		c := condition(p, g.ConditionType)
		if c == nil {
			return trouble{probe, fmt.Sprintf("its readiness gate %s is not reported", g.ConditionType)}
		}
		if c.Status != corev1.ConditionTrue {
			return trouble{probe, fmt.Sprintf("its readiness gate %s is closed%s", g.ConditionType, because(c.Reason, c.Message))}
		}
	}
	return trouble{rank: fine}
}

// because adds the cluster's own words, on one line and cut where they are long.
func because(reason, message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > longest {
		message = string(runes[:longest]) + "..."
	}
	switch {
	case reason == "" && message == "":
		return ""
	case reason == "":
		return ": " + message
	case message == "":
		return " (" + reason + ")"
	}
	return " (" + reason + "): " + message
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }
