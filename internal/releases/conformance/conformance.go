// Package conformance is the suite that every store of releases passes.
package conformance

import (
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A Subject is a store under test, and the names that it is about.
type Subject struct {
	releases.Store
	Owner string // the Canary: "shop"; on a cluster "NAMESPACE/shop"
	Key   string // of the target: "Process/shop"; on a cluster "Deployment/NAMESPACE/shop"
}

// Run runs the suite. open makes an empty store.
func Run(t *testing.T, open func(t *testing.T) releases.Store) {
	RunNamed(t, func(t *testing.T) Subject { return Subject{open(t), "shop", "Process/shop"} })
}

// RunNamed runs the suite where names are of another form.
func RunNamed(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"what was begun is read back whole":        readsBack,
		"nothing there is ErrNotFound":             notFound,
		"a name is taken once":                     takenOnce,
		"a refused change leaves all as it was":    refusedChange,
		"a conclusion changes both or neither":     concludes,
		"what was handed out changes nothing":      handedOut,
		"releases are listed in order":             listed,
		"changes at the same time are all counted": concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			test(t, s)
		})
	}
}

// Sample is a release with every kind of word in it.
func Sample(number int) releases.Release {
	return releases.Release{
		Format: releases.Format, Name: releases.Name("shop", number), Canary: "shop", Target: "Process/shop", Number: number, Attempt: 1,
		Created: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
		Plan: plan.Plan{
			Target: "Process/shop", Stable: "v1", Canary: "v2", Promotion: 1,
			Steps: []plan.Step{{
				Name: "5%", Origin: plan.Origin{File: "shop.yaml", Line: 3, Column: 5, Object: "Canary shop", Field: "spec.steps[0]"},
				Desired: plan.State{
					Tracks: []plan.Track{{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Capacity{Share: 50}}},
					Traffic: plan.Traffic{
						Shares:  plan.Shares{plan.Stable: 950, plan.Canary: 50},
						Matches: []plan.Match{{Headers: []plan.Condition{{Name: "X-Staff", How: plan.Present}}, Track: plan.Canary}},
						Mirror:  &plan.Mirror{Track: plan.Canary, Share: 100},
						Sticky:  &plan.Sticky{Cookie: "track", MaxAge: time.Hour, Salt: "v2"},
					},
				},
				Until:  []plan.Gate{plan.After{Hold: time.Minute}, plan.Passed{Analysis: "judge", Proven: true, Within: time.Hour}, plan.Approved{Group: "sre", Within: time.Hour}},
				Hooks:  []plan.Hook{{Name: "chat", On: plan.Entered, Use: plan.Use{Kind: "webhook", With: json.RawMessage(`{"url":"http://127.0.0.1/"}`)}}},
				Within: 10 * time.Minute,
			}},
			Analyses: []plan.Analysis{{Name: "judge", From: 0, To: 0, Every: 5 * time.Second, Judge: plan.Use{Kind: "sequential"}, Source: plan.Use{Kind: "proxy"}}},
		},
		Templates: map[plan.Revision]json.RawMessage{"v1": json.RawMessage(`{"command":["a"]}`), "v2": json.RawMessage(`{"command":["b"]}`)},
		Groups:    map[string][]string{"sre": {"ana", "bo"}},
	}
}

// sample is the sample under the subject's names.
func (s Subject) sample(number int) releases.Release {
	r := Sample(number)
	r.Name, r.Canary, r.Target, r.Plan.Target = s.name(number), s.Owner, s.Key, s.Key
	return r
}

func (s Subject) name(number int) string { return releases.Name(s.Owner, number) }

func begin(t *testing.T, s Subject, number int) releases.Release {
	t.Helper()
	r := s.sample(number)
	if err := s.Begin(r, func(target *releases.Target) error {
		target.Owner, target.Full, target.Latest, target.Number = s.Owner, 4, r.Name, number
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

func readsBack(t *testing.T, s Subject) {
	want := begin(t, s, 1)
	got, status, err := s.Release(want.Name)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(status, releases.Status{}) {
		t.Errorf("got %+v, status %+v, %v; want %+v", got, status, err, want)
	}
	target, err := s.Target(want.Target)
	if err != nil || target.Owner != s.Owner || target.Latest != want.Name || target.Key != want.Target {
		t.Errorf("target %+v, %v", target, err)
	}
}

func notFound(t *testing.T, s Subject) {
	if _, err := s.Target("Process/none"); !errors.Is(err, releases.ErrNotFound) {
		t.Errorf("target: %v", err)
	}
	if _, _, err := s.Release("none-1"); !errors.Is(err, releases.ErrNotFound) {
		t.Errorf("release: %v", err)
	}
	if err := s.Change("none-1", func(*releases.Status) error { return nil }); !errors.Is(err, releases.ErrNotFound) {
		t.Errorf("change: %v", err)
	}
	if err := s.ChangeTarget("Process/none", func(*releases.Target) error { return nil }); !errors.Is(err, releases.ErrNotFound) {
		t.Errorf("change of a target: %v", err)
	}
}

func takenOnce(t *testing.T, s Subject) {
	r := begin(t, s, 1)
	if err := s.Begin(r, func(*releases.Target) error { return nil }); err == nil {
		t.Error("a second release of the same name was begun")
	}
}

var errNo = errors.New("no")

func refusedChange(t *testing.T, s Subject) {
	r := begin(t, s, 1)
	err := s.Change(r.Name, func(st *releases.Status) error {
		st.Trouble = "half done"
		return errNo
	})
	if !errors.Is(err, errNo) {
		t.Errorf("the reason was lost: %v", err)
	}
	if _, status, _ := s.Release(r.Name); status.Trouble != "" {
		t.Errorf("half of a refused change was written: %+v", status)
	}
	err = s.Begin(s.sample(2), func(*releases.Target) error { return errNo })
	if _, _, missing := s.Release(s.name(2)); !errors.Is(err, errNo) || !errors.Is(missing, releases.ErrNotFound) {
		t.Errorf("a refused release was begun: %v, %v", err, missing)
	}
}

func concludes(t *testing.T, s Subject) {
	r := begin(t, s, 1)
	conclude := func(result error) error {
		return s.Conclude(r.Name, func(st *releases.Status, target *releases.Target) error {
			st.Position.Phase, target.Stable = plan.Succeeded, "v2"
			return result
		})
	}
	if err := conclude(errNo); !errors.Is(err, errNo) {
		t.Errorf("the reason was lost: %v", err)
	}
	_, status, _ := s.Release(r.Name)
	if target, _ := s.Target(r.Target); target.Stable != "" || status.Position.Phase != "" {
		t.Errorf("a refused conclusion was written: %+v, %+v", target, status)
	}
	if err := conclude(nil); err != nil {
		t.Fatal(err)
	}
	_, status, _ = s.Release(r.Name)
	if target, _ := s.Target(r.Target); target.Stable != "v2" || status.Position.Phase != plan.Succeeded {
		t.Errorf("a conclusion was not written: %+v, %+v", target, status)
	}
}

func handedOut(t *testing.T, s Subject) {
	r := begin(t, s, 1)
	if err := s.Change(r.Name, func(st *releases.Status) error {
		st.Evidence = map[string]releases.Evidence{"judge": {Looks: 1}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var kept *releases.Status
	if err := s.Change(r.Name, func(st *releases.Status) error {
		kept = st
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	kept.Evidence["judge"] = releases.Evidence{Looks: 99}
	if _, status, _ := s.Release(r.Name); status.Evidence["judge"].Looks != 1 {
		t.Errorf("a change after the change was kept: %+v", status.Evidence)
	}
}

func listed(t *testing.T, s Subject) {
	for n := 1; n <= 12; n++ {
		begin(t, s, n)
	}
	if err := s.Forget(s.name(3)); err != nil {
		t.Fatal(err)
	}
	names, err := s.Releases()
	if err != nil || len(names) != 11 || names[0] != s.name(1) || names[2] != s.name(4) || names[10] != s.name(12) {
		t.Errorf("releases %v, %v: want them in the order they began, without the forgotten one", names, err)
	}
}

func concurrent(t *testing.T, s Subject) {
	r := begin(t, s, 1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if err := s.Change(r.Name, func(st *releases.Status) error {
					st.Position.Acted++
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if _, status, _ := s.Release(r.Name); status.Position.Acted != 40 {
		t.Errorf("%d of 40 changes were kept", status.Position.Acted)
	}
}
