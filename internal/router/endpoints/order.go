package endpoints

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// An order is a router.Order for one target, checked and with its settings read.
type order struct {
	router.Order
	target   string
	key      cluster.Key
	settings Settings
	at       types.NamespacedName // its Service
}

func newOrder(target string, given router.Order) (order, error) {
	o := order{Order: given, target: target}
	var err error
	if o.settings, err = decode(given.With); err != nil {
		return o, err
	}
	if o.key, err = cluster.ParseKey(target); err != nil {
		return o, err
	}
	o.at = o.key.Object()
	if o.settings.Service != "" {
		o.at.Name = o.settings.Service
	}
	return o, o.check()
}

// check refuses what numbers of endpoints cannot do.
func (o order) check() error {
	t := o.Traffic
	if err := t.Check(); err != nil {
		return unfit("%v", err)
	}
	if len(t.Matches) > 0 || t.Mirror != nil || t.Sticky != nil {
		return unfit("endpoints split requests by number alone: they know no matches, mirrors and sticky sessions")
	}
	return nil
}

// home reports whether stable alone is to serve.
func (o order) home() bool { return o.Traffic.Shares[plan.Stable] == plan.Whole }

func unfit(format string, args ...any) error {
	return &cluster.Problem{
		Reason: cluster.RouteUnfit, Field: "spec.steps", Text: fmt.Sprintf(format, args...), Remedy: "change the step, or choose another router",
	}
}
