package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

func TestWhenAQueryIsDue(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	for _, c := range []struct {
		reason string
		query  plan.Query
		last   float64 // seconds; negative: never asked
		failed bool
		now    float64
		want   bool
	}{
		{"never asked", plan.Query{Every: time.Minute}, -1, false, 0, true},
		{"before its first time", plan.Query{Every: time.Minute, After: 30 * time.Second}, -1, false, 29, false},
		{"at its first time", plan.Query{Every: time.Minute, After: 30 * time.Second}, -1, false, 30, true},
		{"asked a moment ago", plan.Query{Every: time.Minute}, 5, false, 59.9, false},
		{"at its next time, however late it was asked", plan.Query{Every: time.Minute}, 59, false, 60, true},
		{"the grid begins with the first time", plan.Query{Every: time.Minute, After: 30 * time.Second}, 30, false, 89.9, false},
		{"and goes on from there", plan.Query{Every: time.Minute, After: 30 * time.Second}, 35, false, 90, true},
		{"several times were missed", plan.Query{Every: time.Minute}, 5, false, 600, true},
		{"once is once", plan.Query{}, 0, false, 1000, false},
		{"once, and no answer", plan.Query{Retry: 10 * time.Second}, 0, true, 10, true},
		{"no answer, and its retry is not yet", plan.Query{Every: time.Minute, Retry: 10 * time.Second}, 5, true, 14.9, false},
		{"no answer, and its retry is", plan.Query{Every: time.Minute, Retry: 10 * time.Second}, 5, true, 15, true},
		{"a retry is not sooner for being asked often", plan.Query{Every: time.Second, Retry: 10 * time.Second}, 5, true, 7, false},
		{"no answer, no retry: when it is due anyway", plan.Query{Every: time.Minute}, 5, true, 15, false},
	} {
		e := releases.Evidence{Began: began}
		if c.last >= 0 {
			e.Asked = map[string]releases.Asking{"m": {At: at(c.last), Failed: c.failed}}
		}
		c.query.Name = "m"
		if got := isDue(c.query, e, at(c.now)); got != c.want {
			t.Errorf("%s: due is %v", c.reason, got)
		}
	}
}

// A choosy judge has had enough of the metric done.
type choosy struct{ judge.Judge }

func (choosy) Wants(_ judge.State, metric string) bool { return metric != "done" }

func TestAJudgeThatHasEnoughIsNotAskedFor(t *testing.T) {
	a := plan.Analysis{Queries: []plan.Query{{Name: "done", Every: time.Second}, {Name: "open", Every: time.Second}}}
	now := time.Now()
	got := dueQueries(a, releases.Evidence{Began: now}, choosy{}, nil, now)
	if len(got) != 1 || got[0].Name != "open" {
		t.Errorf("due are %v", got)
	}
}

// A store that answers as its settings say.
type echo struct {
	metric.Store
	atOnce, most atomic.Int64
}

func (s *echo) Query(ctx context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	s.most.Store(max(s.most.Load(), s.atOnce.Add(1)))
	defer s.atOnce.Add(-1)
	var with struct{ Text, Error string }
	if err := json.Unmarshal(q.With, &with); err != nil {
		return judge.Reading{}, err
	}
	if with.Error == "hang" {
		<-ctx.Done()
		return judge.Reading{}, context.Cause(ctx)
	}
	if with.Error != "" {
		return judge.Reading{}, errors.New(with.Error)
	}
	text, err := q.Words.Fill(with.Text, nil)
	if err != nil {
		return judge.Reading{}, err
	}
	value, err := json.Marshal(text)
	return judge.Reading{Value: value}, err
}

func asker(target string) (*Loop, *echo, *release, engine.Sight) {
	store := &echo{}
	l := New(Means{Metrics: map[string]metric.Store{"echo": store, "deaf": silent{}}, Now: time.Now})
	r := &release{Release: releases.Release{Target: target}}
	r.Plan = plan.Plan{Target: target, Stable: "v1", Canary: "v2", Steps: []plan.Step{{Desired: plan.State{Tracks: []plan.Track{
		{Name: plan.Stable, Pool: "old"}, {Name: plan.Canary, Pool: "new"},
	}}}}}
	seen := engine.Sight{Pools: []plan.Pool{
		{Name: "old", Service: "checkout", Endpoints: []plan.Endpoint{{Instance: "a", URL: "http://10.0.0.1:80"}}},
		{Name: "new", Service: "checkout-canary", Endpoints: []plan.Endpoint{
			{Instance: "c-2@77", URL: "http://10.0.0.3:80"}, {Instance: "c(1)@66", URL: "http://10.0.0.2:80"},
		}},
		{Name: "other", Endpoints: []plan.Endpoint{{Instance: "x", URL: "http://10.0.0.9:80"}}},
	}}
	return l, store, r, seen
}

// A store that answers no queries.
type silent struct{}

func (silent) Read(context.Context, metric.Question) (metric.Snapshot, error) {
	return metric.Snapshot{}, nil
}

func query(name, kind, with string) plan.Query {
	return plan.Query{Name: name, Window: 5 * time.Minute, Source: plan.Use{Kind: kind, With: json.RawMessage(with)}}
}

func TestWordsOfQueries(t *testing.T) {
	for target, want := range map[string]string{
		"Deployment/shop/checkout": `"checkout shop c-2|c.1. a v2 v1 checkout-canary checkout 5m"`,
		"Process/checkout":         `"checkout  10.0.0.2:80|10.0.0.3:80 10.0.0.1:80 v2 v1 checkout-canary checkout 5m"`,
	} {
		l, _, r, seen := asker(target)
		text := `{"text":"{{target}} {{namespace}} {{canary}} {{stable}} {{canaryRevision}} {{stableRevision}} {{canaryService}} {{stableService}} {{interval}}"}`
		if got := l.ask(t.Context(), r, []plan.Query{query("m", "echo", text)}, time.Time{}, seen)["m"]; string(got.Value) != want {
			t.Errorf("%s: %s %s, want %s", target, got.Value, got.Error, want)
		}
	}
	l, _, r, _ := asker("Process/checkout")
	got := l.ask(t.Context(), r, []plan.Query{query("m", "echo", `{"text":"up{instance=~\"{{ canary }}\"}"}`)}, time.Time{}, engine.Sight{})["m"]
	if got.Value != nil || got.Error != "{{ canary }} stands for nothing at present" {
		t.Errorf("without instances: %s %q", got.Value, got.Error)
	}
}

// What goes wrong with a query is an answer, and none of them holds up the others, or the round, for long.
func TestQueriesThatFail(t *testing.T) {
	l, store, r, seen := asker("Process/checkout")
	queries := []plan.Query{
		query("good", "echo", `{"text":"1"}`), query("bad", "echo", `{"error":"no route"}`), query("nobody", "oracle", `{}`),
		query("deaf", "deaf", `{}`), query("chatty", "echo", fmt.Sprintf(`{"error":%q}`, strings.Repeat("long ", 1000))),
	}
	for i := range 20 {
		queries = append(queries, query(fmt.Sprint("hung", i), "echo", `{"error":"hang"}`))
	}
	began := time.Now()
	got := l.ask(t.Context(), r, queries, time.Time{}, seen)
	if took := time.Since(began); took > 4*readWithin {
		t.Errorf("it took %v", took)
	}
	for name, want := range map[string]string{
		"bad": "no route", "nobody": `no metric store "oracle" answers queries`, "deaf": `no metric store "deaf" answers queries`,
		"hung0": "deadline exceeded", "hung19": "not asked",
	} {
		if !strings.Contains(got[name].Error, want) || got[name].Value != nil {
			t.Errorf("%s: %q, want %q", name, got[name].Error, want)
		}
	}
	if string(got["good"].Value) != `"1"` || got["good"].Error != "" || len(got) != len(queries) {
		t.Errorf("the good one: %+v of %d", got["good"], len(got))
	}
	if n := len(got["chatty"].Error); n > errorMost+3 {
		t.Errorf("an error of %d bytes", n)
	}
	if most := store.most.Load(); most < 2 || most > askAtOnce {
		t.Errorf("%d at once", most)
	}
	before := map[string]releases.Asking{}
	after := asked(before, got, began)
	if len(before) != 0 || !after["bad"].Failed || after["good"].Failed || !after["good"].At.Equal(began) {
		t.Errorf("noted down: %v, before %v", after, before)
	}
	if back := moved(after, -time.Minute)["good"].At; !back.Equal(began.Add(-time.Minute)) || !after["good"].At.Equal(began) {
		t.Errorf("moved to %v", back)
	}
}
