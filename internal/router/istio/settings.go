package istio

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

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

	// DestinationRule: the tracks are subsets of one Service, which the user's DestinationRule tells apart.
	DestinationRule *DestinationRule `json:"destinationRule,omitempty"`

	// Of a VirtualService of serin's own.
	Hosts    []string `json:"hosts,omitempty"`    // default stable's Service
	Gateways []string `json:"gateways,omitempty"` // default the mesh
	Port     int64    `json:"port,omitempty"`     // of the Services; needed where they have several
}

// A DestinationRule names the subsets of the tracks.
type DestinationRule struct {
	Name    string                    `json:"name,omitempty"` // where it is given, its subsets are looked up before they get requests
	Subsets map[plan.TrackName]string `json:"subsets"`        // "stable" and "canary"
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
	return s, s.check()
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
		if s.Mode == own {
			return errors.New("destinationRule: a VirtualService of serin's own goes by Services; drop it, or choose `mode: guest`")
		}
	}
	if s.Mode == own {
		return s.checkOwn()
	}
	for field, given := range map[string]bool{"hosts": len(s.Hosts) > 0, "gateways": len(s.Gateways) > 0, "port": s.Port != 0} {
		if given {
			return fmt.Errorf("%s: is of a VirtualService of serin's own; the user's has its own. Drop it, or choose `mode: own`", field)
		}
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
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port: %d is none", s.Port)
	}
	return nil
}
