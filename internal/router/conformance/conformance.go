package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A Subject is a router to be tested.
type Subject struct {
	Driver router.Driver
	New    func(t *testing.T) router.Router // that has no orders; cleans up after the test
	Target string                           // default "Kind/shop"
	With   json.RawMessage                  // settings of every order
	// Refused are settings to refuse, by the field the error must name.
	Refused map[string]json.RawMessage
	// Services are part of every order: the names by which a router that goes by name reaches the tracks.
	Services map[plan.TrackName]string
	// URL returns where users send their requests, once a first order stands. Nil: the data plane cannot run here.
	URL func(r router.Router, target string) string
	// Serve starts a backend where the data plane reaches it. Default: on this machine, for this machine alone.
	Serve func(t *testing.T, h http.Handler) (url string)
	// Place makes a backend known to the data plane as an instance of a track and returns it as an endpoint. Nil: its own
	// address is all a router needs.
	Place func(t *testing.T, track plan.TrackName, instance, url string) plan.Endpoint
	// Pins: users are kept by a memory of their track, in a cookie, instead of by bucket (ADR 0007). A growing weight then meets only
	// users who come for the first time.
	Pins bool
	// Follow waits for a data plane that the router leaves time instead of asking it. Nil: the router's word is enough.
	Follow func(t *testing.T)
	// Settle bounds how long the data plane may take to follow an order. Default 10s.
	Settle time.Duration
	// Fine is the smallest share that can be counted on while others change the data plane as well. Default 0.1%.
	Fine plan.Share
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	tests := []struct {
		name    string
		needs   plan.Feature // skipped without it
		traffic bool         // sends requests
		run     func(*testing.T, *bench)
	}{
		{"features are those of the driver", "", false, features},
		{"an unknown target is the zero route", "", false, unknownTarget},
		{"what was ordered is observed", "", false, observed},
		{"ordering the same again changes nothing", "", false, idempotent},
		{"observing changes nothing", "", false, observing},
		{"targets do not see each other", "", false, targetsApart},
		{"an order belongs to the router", "", false, owned},
		{"a refused order changes nothing", "", false, refused},
		{"features that are missing are refused", "", false, missing},
		{"restore takes all hands off", "", false, restored},
		{"shares are kept", plan.Weights, true, shares},
		{"shares of a thousandth are kept", plan.Fine, true, fineShares},
		{"all and nothing are exact", plan.Weights, true, allOrNothing},
		{"a header comes before shares", plan.Headers, true, headers},
		{"a cookie comes before shares", plan.Cookies, true, cookies},
		{"a path comes before shares", plan.Paths, true, paths},
		{"matches are tried in order", plan.Headers, true, matchOrder},
		{"a mirror gets its copies", plan.Mirroring, true, mirrored},
		{"a mirror disturbs nobody", plan.Mirroring, true, undisturbed},
		{"users stay where they are as a canary grows", plan.Stickying, true, sticky},
		{"requests under way are seen", plan.Draining, true, draining},
		{"no request is lost while traffic moves", plan.Weights, true, lossless},
	}
	s = s.withDefaults()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.needs != "" && !s.Driver.Features.Has(test.needs) {
				t.Skipf("NOT RUN: router %s has no feature %s", s.Driver.Name, test.needs)
			}
			if test.traffic && s.URL == nil {
				t.Skipf("NOT RUN: the data plane of router %s is not here", s.Driver.Name)
			}
			test.run(t, newBench(t, s))
		})
	}
	t.Run("settings are checked", func(t *testing.T) { settings(t, s) })
}

func (s Subject) withDefaults() Subject {
	if s.Target == "" {
		s.Target = "Kind/shop"
	}
	if s.Fine == 0 {
		s.Fine = 1
	}
	if s.Settle == 0 {
		s.Settle = 10 * time.Second
	}
	if s.Serve == nil {
		s.Serve = func(t *testing.T, h http.Handler) string {
			server := httptest.NewServer(h)
			t.Cleanup(server.Close)
			return server.URL
		}
	}
	if s.Place == nil {
		s.Place = func(_ *testing.T, _ plan.TrackName, instance, url string) plan.Endpoint {
			return plan.Endpoint{Instance: instance, URL: url}
		}
	}
	return s
}

// A bench is one router under test, its backends, and short words to speak to it.
type bench struct {
	Subject
	t      *testing.T
	router router.Router
	client *http.Client
	order  router.Order
	served map[string]*backend // by instance
}

func newBench(t *testing.T, s Subject) *bench {
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	return &bench{
		Subject: s, t: t, router: s.New(t), served: map[string]*backend{},
		client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		order:  router.Order{With: s.With, Services: s.Services, Endpoints: map[plan.TrackName][]plan.Endpoint{}},
	}
}

// A backend counts what it is asked. It answers with the name of its track.
type backend struct {
	track    plan.TrackName
	requests atomic.Int64
	hold     chan struct{} // while not nil and open, answers are held back
	entered  chan struct{} // gets a word when a request begins to be held
}

// ServeHTTP answers "stable" or whatever the track is called.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	if b.hold != nil {
		select {
		case b.entered <- struct{}{}:
		default:
		}
		select {
		case <-b.hold:
		case <-r.Context().Done():
		}
	}
	w.Header().Set("X-Track", string(b.track))
	fmt.Fprint(w, b.track)
}

// serve starts an instance of a track. It is part of the next order.
func (b *bench) serve(track plan.TrackName, instance string) *backend {
	b.t.Helper()
	return b.start(instance, &backend{track: track})
}

func (b *bench) start(instance string, back *backend) *backend {
	b.t.Helper()
	endpoint := b.Place(b.t, back.track, instance, b.Serve(b.t, back))
	b.order.Endpoints[back.track] = append(b.order.Endpoints[back.track], endpoint)
	b.served[instance] = back
	return back
}

// both starts an instance of stable and one of canary.
func (b *bench) both() (stable, canary *backend) {
	b.t.Helper()
	return b.serve(plan.Stable, "v1.0"), b.serve(plan.Canary, "v2.0")
}

func split(canary plan.Share) plan.Shares {
	return plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}
}

// apply orders the traffic and waits until the data plane follows.
func (b *bench) apply(traffic plan.Traffic) {
	b.t.Helper()
	b.order.Traffic = traffic
	if err := b.router.Apply(b.t.Context(), b.Target, b.order); err != nil {
		b.t.Fatalf("apply: %v", err)
	}
	b.settled()
	if b.Follow != nil {
		b.Follow(b.t)
	}
}

func (b *bench) settled() plan.Route {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), b.Settle)
	defer cancel()
	look, round := time.NewTicker(b.Settle/200), time.NewTicker(time.Second) // a cluster is not asked as often as a process
	defer look.Stop()
	defer round.Stop()
	for {
		route := b.observe(b.Target)
		if route.Pending == "" && route.Traffic.Equal(b.order.Traffic) {
			return route
		}
		select {
		case <-look.C:
		case <-round.C: // the loop orders again in every round, and so may finish what takes several
			if err := b.router.Apply(ctx, b.Target, b.order); err != nil {
				b.t.Fatalf("apply again: %v", err)
			}
		case <-ctx.Done():
			b.t.Fatalf("the data plane does not follow after %s: pending %q, traffic %+v", b.Settle, route.Pending, route.Traffic)
		}
	}
}

func (b *bench) observe(target string) plan.Route {
	b.t.Helper()
	route, err := b.router.Observe(b.t.Context(), target)
	if err != nil {
		b.t.Fatalf("observe: %v", err)
	}
	return route
}

// ask sends one request and returns the track that answered.
func (b *bench) ask(path string, header ...string) plan.TrackName {
	b.t.Helper()
	track, err := b.try(path, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return track
}

func (b *bench) try(path string, header ...string) (plan.TrackName, error) {
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.URL(b.router, b.Target)+path, nil)
	if err != nil {
		return "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body := make([]byte, 256)
	n, _ := resp.Body.Read(body)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answered %s: %s", resp.Status, body[:n])
	}
	return plan.TrackName(resp.Header.Get("X-Track")), nil
}
