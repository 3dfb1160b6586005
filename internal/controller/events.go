package controller

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// tell writes an event about a Canary (events.k8s.io/v1). Events are for people: nothing depends on them.
func (c *Canaries) tell(canary *objects.Canary, related runtime.Object, kind, reason, action, note string) {
	const longest = 1000 // the API server refuses notes of more than 1 kB
	if len(note) > longest {
		note = note[:longest-3] + "..."
	}
	c.Events.Eventf(canary, related, kind, reason, action, "%s", note)
}

// warned are the reasons of events that somebody should look at.
var warned = map[string]bool{"RollingBack": true, string(plan.Returned): true, "Waiting": true}

// Happened tells the cluster what happened to a release.
func (c *Canaries) Happened(r releases.Release, e releases.Event) {
	c.metrics.happened(r, e)
	if _, status, err := c.Store.Release(r.Name); err == nil {
		c.Traces.Happened(r, status.Log, e)
	}
	namespace, name := split(r.Canary)
	canary := &objects.Canary{}
	canary.APIVersion, canary.Kind = v1alpha1.APIVersion, "Canary"
	canary.Namespace, canary.Name = namespace, name
	kind := corev1.EventTypeNormal
	if warned[e.Reason] {
		kind = corev1.EventTypeWarning
	}
	c.tell(canary, nil, kind, e.Reason, r.Plan.Steps[e.Step].Name, e.Text)
}
