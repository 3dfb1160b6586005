package traefik

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/router"
)

// An order is a router.Order for one target, checked and with its settings read.
type order struct {
	router.Order
	target   string
	key      cluster.Key
	settings Settings
	at       types.NamespacedName // its TraefikService
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
	if o.at.Name = o.settings.Service; o.at.Name == "" {
		o.at.Name = o.key.Beside("serin")
	}
	o.Services = maps.Clone(given.Services)
	return o, o.check()
}

// check refuses what no TraefikService can do.
func (o order) check() error {
	t := o.Traffic
	if err := t.Check(); err != nil {
		return unfit("spec.steps", "%v", err)
	}
	if len(t.Matches) > 0 {
		return unfit("spec.steps", "a TraefikService cannot match requests (%s)", t.Matches[0])
	}
	if m := t.Mirror; m != nil && m.Share%percent != 0 {
		return unfit("spec.steps", "Traefik mirrors whole per cent, and %s is none", m.Share)
	}
	if s := t.Sticky; s != nil && s.Cookie == "" {
		return unfit("spec.traffic.sticky.header", "Traefik keeps users by a cookie, not by the header %s", s.Header)
	}
	for _, track := range t.Tracks() {
		if o.Services[track] == "" {
			return &cluster.Problem{
				Reason: cluster.TargetUnfit, Text: fmt.Sprintf("no Service reaches the track %s of %s, and Traefik goes by Services", track, o.target),
				Remedy: "give the target a Service",
			}
		}
	}
	return nil
}

func unfit(at, text string, args ...any) error {
	return &cluster.Problem{
		Reason: cluster.RouteUnfit, Field: at, Text: fmt.Sprintf(text, args...), Remedy: "change the step, or choose another router",
	}
}

func field(name string) string { return "spec.traffic.traefik." + name }
