package conformance

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
)

// A QuerySubject is a metric store that answers the users' own queries, to be tested.
type QuerySubject struct {
	Driver  metric.Driver
	Start   func(t *testing.T) QueryBench
	Refused map[string]json.RawMessage // queries to refuse, by the field the error must name
}

// A QueryBench is such a store and its server.
type QueryBench struct {
	Store metric.Querier
	// Answer has the server answer this number from now on. When it returns the store can know.
	Answer func(value float64)
	// Ask is the query whose answer that is, with a text somewhere that is of no matter: words are put there.
	Ask func(text string) metric.QueryQuestion
	// Hang has the server answer nothing any more, Break has it be gone.
	Hang, Break func()
}

// RunQueries runs the suite of stores that answer queries.
func RunQueries(t *testing.T, s QuerySubject) {
	tests := []struct {
		name string
		run  func(*testing.T, QueryBench)
	}{
		{"a number arrives as it is", numberArrives},
		{"what was answered before is not answered again", answersAreNew},
		{"words are filled in", wordsFilled},
		{"a word that stands for nothing now is an error", wordsMissing},
		{"a query ends with its context", queryCancelled},
		{"a server that hangs does not hold a query for long", queryHangs},
		{"a server that is gone is an error", queryBroken},
		{"many may ask at once", manyAsk},
		{"unknown settings are refused", unknownSettings},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s.Start(t)) })
	}
	t.Run("queries are checked", func(t *testing.T) {
		if err := s.Driver.Query(s.Start(t).Ask("").With); err != nil {
			t.Errorf("a good query: %v", err)
		}
		for field, with := range s.Refused {
			if err := s.Driver.Query(with); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: got %v, want an error that names %s", with, err, field)
			}
		}
		if err := s.Driver.Query(s.Start(t).Ask("{{ nobody }}").With); err == nil || !strings.Contains(err.Error(), "{{ nobody }}") {
			t.Errorf("a word that nobody knows: %v", err)
		}
	})
}

// value is the number that a reading is, or the only one of its list.
func value(t *testing.T, r judge.Reading) float64 {
	t.Helper()
	var list []float64
	if json.Unmarshal(r.Value, &list) == nil && len(list) == 1 {
		return list[0]
	}
	var one float64
	if err := json.Unmarshal(r.Value, &one); err != nil || r.Error != "" {
		t.Errorf("the answer is %s %q, not a number", r.Value, r.Error)
		return math.NaN()
	}
	return one
}

func (b QueryBench) ask(t *testing.T, text string) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := b.Store.Query(ctx, b.Ask(text))
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	return value(t, got)
}

func numberArrives(t *testing.T, b QueryBench) {
	for _, want := range []float64{0, 1, -2.5, 0.97, 1e-9, 123456789} {
		b.Answer(want)
		if got := b.ask(t, ""); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func answersAreNew(t *testing.T, b QueryBench) {
	for i := range 5 {
		b.Answer(float64(i))
		if got := b.ask(t, ""); got != float64(i) {
			t.Errorf("got %v, want %d", got, i)
		}
	}
}

func wordsFilled(t *testing.T, b QueryBench) {
	b.Answer(7)
	if got := b.ask(t, "{{ target }}{{canary}}"); got != 7 {
		t.Errorf("got %v", got)
	}
}

func wordsMissing(t *testing.T, b QueryBench) {
	b.Answer(7)
	q := b.Ask("{{ canary }}")
	q.Words = metric.Words{metric.WordTarget: "shop"}
	if got, err := b.Store.Query(t.Context(), q); err == nil || !strings.Contains(err.Error(), "{{ canary }} stands for nothing at present") {
		t.Errorf("got %s, %v", got.Value, err)
	}
}

func queryCancelled(t *testing.T, b QueryBench) {
	b.Answer(7)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := b.Store.Query(ctx, b.Ask("")); err == nil {
		t.Errorf("a query that was over before it began is answered %s", got.Value)
	}
}

func queryHangs(t *testing.T, b QueryBench) {
	b.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if got, err := b.Store.Query(ctx, b.Ask("")); err == nil || got.Value != nil {
		t.Errorf("nobody answers %s", got.Value)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %v", took)
	}
}

func queryBroken(t *testing.T, b QueryBench) {
	b.Break()
	if got, err := b.Store.Query(t.Context(), b.Ask("")); err == nil || got.Value != nil {
		t.Errorf("nobody answers %s", got.Value)
	}
}

func manyAsk(t *testing.T, b QueryBench) {
	b.Answer(3)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got, err := b.Store.Query(t.Context(), b.Ask("")); err != nil || value(t, got) != 3 {
				t.Errorf("got %s, %v", got.Value, err)
			}
		})
	}
	wait.Wait()
}

func unknownSettings(t *testing.T, b QueryBench) {
	q := b.Ask("")
	var with map[string]any
	if err := json.Unmarshal(q.With, &with); err != nil {
		t.Fatal(err)
	}
	with["noSuchSetting"] = 1
	text, err := json.Marshal(with)
	if err != nil {
		t.Fatal(err)
	}
	q.With = text
	if got, err := b.Store.Query(t.Context(), q); err == nil || !strings.Contains(err.Error(), "noSuchSetting") {
		t.Errorf("got %s, %v", got.Value, err)
	}
}
