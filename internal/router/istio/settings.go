package istio

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// Settings are what users write under `istio:`. All names are those of the target's own namespace.
type Settings struct {
	Mode           string `json:"mode,omitempty"`           // "guest" (default) or "own"
	VirtualService string `json:"virtualService,omitempty"` // guest: the user's; default the target's name
	Protocol       string `json:"protocol,omitempty"`       // "http" (default), "tls" or "tcp": which of its routes
	// Routes are those to edit, by name or by index from 0; default every one that sends to the target's Services alone.
	Routes  []intstr.IntOrString `json:"routes,omitempty"`
	Service string               `json:"service,omitempty"` // the Service of stable in the routes; default the one the target is reached by
	Settle  *plan.Duration       `json:"settle,omitempty"`  // how long proxies may lag behind; default 2s

	// DestinationRule: the tracks are subsets of one Service, which a DestinationRule tells apart: the user's, or in mode own serin's.
	DestinationRule *DestinationRule `json:"destinationRule,omitempty"`

	// Of a VirtualService of serin's own.
	Hosts    []string `json:"hosts,omitempty"`    // default stable's Service
	Gateways []string `json:"gateways,omitempty"` // default the mesh
	Port     int64    `json:"port,omitempty"`     // of the Services; needed where they have several
	// Delegate: it has neither hosts nor gateways, and a VirtualService of the user's hands requests over to it.
	Delegate bool `json:"delegate,omitempty"`
}

// A DestinationRule names the subsets of the tracks.
type DestinationRule struct {
	Name    string                    `json:"name,omitempty"` // where it is given, its subsets are looked up before they get requests
	Subsets map[plan.TrackName]string `json:"subsets"`        // "stable" and "canary"; of serin's own by default called so
	// Labels of each track's pods, by which serin's own DestinationRule tells them apart; default serin.dev/track and the track's name.
	Labels map[plan.TrackName]map[string]string `json:"labels,omitempty"`
}

// The modes and protocols.
const (
	guest = "guest"
	own   = "own"
	http  = "http"
	tls   = "tls"
	tcp   = "tcp"
)

// Check refuses settings the router could not use and names the field.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (Settings, error) {
	var s Settings
	if err := plan.Decode(with, &s); err != nil {
		return s, err
	}
	if s.Mode == "" {
		s.Mode = guest
	}
	if s.Protocol == "" {
		s.Protocol = http
	}
	if s.Settle == nil {
		settle := plan.Duration(2 * time.Second)
		s.Settle = &settle
	}
	if d := s.DestinationRule; d != nil && s.Mode == own {
		full := d.withDefaults()
		s.DestinationRule = &full
	}
	return s, s.check()
}

// withDefaults has a name and labels for stable and canary at least.
func (d DestinationRule) withDefaults() DestinationRule {
	names, marks := maps.Clone(d.Subsets), maps.Clone(d.Labels)
	if names == nil {
		names = map[plan.TrackName]string{}
	}
	if marks == nil {
		marks = map[plan.TrackName]map[string]string{}
	}
	for _, track := range []plan.TrackName{plan.Stable, plan.Canary} {
		if names[track] == "" {
			names[track] = string(track)
		}
	}
	for track := range names {
		if marks[track] == nil {
			marks[track] = map[string]string{cluster.TrackLabel: string(track)}
		}
	}
	return DestinationRule{Name: d.Name, Subsets: names, Labels: marks}
}

func (s Settings) check() error {
	if s.Mode != guest && s.Mode != own {
		return fmt.Errorf("mode: %q is neither guest nor own", s.Mode)
	}
	if !slices.Contains([]string{http, tls, tcp}, s.Protocol) {
		return fmt.Errorf("protocol: %q is none of http, tls, tcp", s.Protocol)
	}
	for _, name := range []struct{ field, value string }{{"virtualService", s.VirtualService}, {"service", s.Service}} {
		if name.value != "" && len(validation.IsDNS1123Subdomain(name.value)) > 0 {
			return fmt.Errorf("%s: %q cannot be the name of one", name.field, name.value)
		}
	}
	for i, r := range s.Routes {
		if r.Type == intstr.Int && r.IntVal < 0 || r.Type == intstr.String && r.StrVal == "" || slices.Contains(s.Routes[:i], r) {
			return fmt.Errorf("routes[%d]: want a route's name, or its index from 0, once each", i)
		}
	}
	if *s.Settle < 0 {
		return errors.New("settle: is negative")
	}
	if d := s.DestinationRule; d != nil {
		if d.Subsets[plan.Stable] == "" || len(d.Subsets) < 2 || slices.Contains(slices.Collect(maps.Values(d.Subsets)), "") {
			return errors.New("destinationRule.subsets: want a subset for stable and one for canary")
		}
		if err := d.check(s.Mode); err != nil {
			return err
		}
	}
	if s.Mode == own {
		return s.checkOwn()
	}
	for field, given := range map[string]bool{"hosts": len(s.Hosts) > 0, "gateways": len(s.Gateways) > 0, "port": s.Port != 0, "delegate": s.Delegate} {
		if given {
			return fmt.Errorf("%s: is of a VirtualService of serin's own; the user's has its own. Drop it, or choose `mode: own`", field)
		}
	}
	return nil
}

func (d DestinationRule) check(mode string) error {
	switch {
	case mode == own && d.Name != "":
		return errors.New("destinationRule.name: one of serin's own is named after the target; drop it, or choose `mode: guest`")
	case mode == guest && len(d.Labels) > 0:
		return errors.New("destinationRule.labels: are of a DestinationRule of serin's own; the user's has its own. Drop them, or choose `mode: own`")
	}
	seen := map[string]plan.TrackName{}
	for _, track := range slices.Sorted(maps.Keys(d.Labels)) {
		if d.Subsets[track] == "" {
			return fmt.Errorf("destinationRule.labels.%s: no subset stands for that track", track)
		}
		text, err := labels.ValidatedSelectorFromSet(d.Labels[track])
		if err != nil || len(d.Labels[track]) == 0 {
			return fmt.Errorf("destinationRule.labels.%s: want labels of its pods: %v", track, err)
		}
		if other, twice := seen[text.String()]; twice {
			return fmt.Errorf("destinationRule.labels.%s: are those of %s, so nothing tells their pods apart", track, other)
		}
		seen[text.String()] = track
	}
	return nil
}

func (s Settings) checkOwn() error {
	switch {
	case s.VirtualService != "":
		return errors.New("virtualService: one of serin's own is named after the target; drop it, or choose `mode: guest`")
	case len(s.Routes) > 0:
		return errors.New("routes: a VirtualService of serin's own has one route; drop it, or choose `mode: guest`")
	case s.Protocol != http:
		return errors.New("protocol: a VirtualService of serin's own routes http; choose `mode: guest`")
	case s.Delegate && len(s.Hosts)+len(s.Gateways) > 0:
		return errors.New("delegate: it has the hosts and gateways of the one that hands requests over; drop `hosts` and `gateways`")
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port: %d is none", s.Port)
	}
	return nil
}
