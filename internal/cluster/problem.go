package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// A Problem is something about the cluster that keeps a release from going on and that its user, or the cluster's
// administrator, can mend. It becomes the reason and the message of a condition.
type Problem struct {
	Reason string // one word for programs: "TargetNotFound"
	Text   string // what is wrong, with names
	Remedy string // what to do about it
	Field  string // of the Canary, where it is about one: "spec.traffic.gatewayAPI.route"
}

func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.Text
	}
	return p.Text + "; " + p.Remedy
}

// The reasons that several back ends have in common.
const (
	TargetNotFound = "TargetNotFound"
	TargetTaken    = "TargetTaken" // another Canary owns it
	TargetUnfit    = "TargetUnfit" // it is there and cannot be released this way
	RouteNotFound  = "RouteNotFound"
	RouteTaken     = "RouteTaken" // something else writes the same fields of it
	RouteUnfit     = "RouteUnfit"
	KindMissing    = "KindMissing" // the cluster does not know the kind: its CRDs are not installed
	Forbidden      = "Forbidden"   // RBAC refuses what serin needs
)

// AsProblem finds a Problem in an error, among them those that the API server's own errors amount to.
func AsProblem(err error) (*Problem, bool) {
	var p *Problem
	if errors.As(err, &p) {
		return p, true
	}
	switch {
	case err == nil:
		return nil, false
	case meta.IsNoMatchError(err):
		return &Problem{Reason: KindMissing, Text: err.Error(), Remedy: "install its CRDs, or choose another router or target"}, true
	case apierrors.IsForbidden(err):
		return &Problem{Reason: Forbidden, Text: err.Error(), Remedy: "grant it to serin's service account; the chart does for every enabled module"}, true
	}
	return nil, false
}

// Refusals remembers what the API server refuses to the caches, by kind. A cache that may not read waits forever, and whoever
// waits for it only learns that time is up.
type Refusals struct {
	mu   sync.Mutex
	last error
	at   time.Time
}

// recent is how long a refusal is thought to stand: caches try again at least once a minute.
const recent = 2 * time.Minute

// Note remembers a refusal; other errors are none.
func (r *Refusals) Note(err error) {
	if !apierrors.IsForbidden(err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.at = err, time.Now()
}

// Explain turns an error of somebody who waited for a cache in vain into the refusal behind it, and leaves any other as it is.
func (r *Refusals) Explain(err error) error {
	if r == nil || !apierrors.IsTimeout(err) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || time.Since(r.at) > recent {
		return err
	}
	return fmt.Errorf("%w (%w)", r.last, err) // the refusal first: it is what counts
}

// NotFound turns a missing object into a problem with a remedy, and leaves any other error as it is.
func NotFound(err error, reason, field, remedy string) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	return &Problem{Reason: reason, Text: fmt.Sprint(err), Remedy: remedy, Field: field}
}
