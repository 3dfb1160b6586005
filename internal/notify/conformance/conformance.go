package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
)

// A Subject is a notifier to be tested.
type Subject struct {
	Driver  notify.Driver
	Start   func(t *testing.T) Bench
	Refused map[string]json.RawMessage // settings to refuse, by the field the error must name
}

// A Bench is a notifier and what its receiver got.
type Bench struct {
	Notifier notify.Notifier
	With     json.RawMessage
	Received func() []notify.Message // at least key, release, event and text of each
	Break    func()                  // from now on the receiver refuses; nil where that cannot be
}

// Example is a message with everything in it.
func Example(key string) notify.Message {
	return notify.Message{
		Key: key, Release: "checkout-3", Target: "Process/checkout", Event: plan.Entered, Step: 2, StepName: "25%",
		Stable: "v1", Canary: "v2", Text: "checkout: 25 % of requests go to v2", At: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC),
	}
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	tests := []struct {
		name string
		run  func(*testing.T, Bench)
	}{
		{"a message arrives once", arrives},
		{"what is repeated has the same key", repeated},
		{"every event can be told", everyEvent},
		{"a text cannot become two messages", hostileText},
		{"nothing is told when the time is over", over},
		{"a refusal is an error", broken},
		{"unknown settings are refused", refusedSettings},
		{"many may tell at once", concurrent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s.Start(t)) })
	}
	t.Run("settings are checked", func(t *testing.T) {
		if err := s.Driver.Check(s.Start(t).With); err != nil {
			t.Errorf("good settings: %v", err)
		}
		for field, with := range s.Refused {
			if err := s.Driver.Check(with); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: got %v, want an error that names %s", with, err, field)
			}
		}
	})
}

func (b Bench) tell(t *testing.T, m notify.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Notifier.Tell(ctx, b.With, m); err != nil {
		t.Fatalf("tell %s: %v", m.Key, err)
	}
}

func same(a, b notify.Message) bool {
	return a.Key == b.Key && a.Release == b.Release && a.Event == b.Event && a.Text == b.Text
}

func arrives(t *testing.T, b Bench) {
	m := Example("checkout-3/2/entered/page")
	b.tell(t, m)
	if got := b.Received(); len(got) != 1 || !same(got[0], m) {
		t.Errorf("got %+v, want %+v", got, m)
	}
}

func repeated(t *testing.T, b Bench) {
	m := Example("checkout-3/2/entered/page")
	b.tell(t, m)
	b.tell(t, m)
	if got := b.Received(); len(got) != 2 || !same(got[0], m) || !same(got[1], m) {
		t.Errorf("got %+v", got)
	}
}

func everyEvent(t *testing.T, b Bench) {
	events := []plan.Event{plan.Entered, plan.RolledBack, plan.Promoted, plan.NeedsYou}
	for _, event := range events {
		m := Example(string(event))
		m.Event = event
		b.tell(t, m)
	}
	var got []plan.Event
	for _, m := range b.Received() {
		got = append(got, m.Event)
	}
	if !slices.Equal(got, events) {
		t.Errorf("got %v", got)
	}
}

func hostileText(t *testing.T, b Bench) {
	m := Example("a/0/entered/b\nc")
	m.Text = "line one\nkey=forged\r\n{\"key\":\"forged\"}\x1b[2J \"quoted\" <!channel> é\u2028"
	b.tell(t, m)
	if got := b.Received(); len(got) != 1 || got[0].Text != m.Text {
		t.Errorf("got %+v, want %+v", got, m)
	}
}

func over(t *testing.T, b Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Notifier.Tell(ctx, b.With, Example("late")); err == nil {
		t.Error("no error")
	}
	if got := b.Received(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func broken(t *testing.T, b Bench) {
	if b.Break == nil {
		t.Skip("the receiver cannot refuse")
	}
	b.Break()
	if err := b.Notifier.Tell(t.Context(), b.With, Example("refused")); err == nil {
		t.Error("no error")
	}
}

func refusedSettings(t *testing.T, b Bench) {
	if err := b.Notifier.Tell(t.Context(), json.RawMessage(`{"noSuchSetting":1}`), Example("x")); err == nil {
		t.Error("no error")
	}
	if got := b.Received(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func concurrent(t *testing.T, b Bench) {
	const many = 20
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			if err := b.Notifier.Tell(t.Context(), b.With, Example(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	keys := map[string]int{}
	for _, m := range b.Received() {
		keys[m.Key]++
	}
	for i := range many {
		if keys[fmt.Sprint(i)] != 1 {
			t.Errorf("message %d arrived %d times", i, keys[fmt.Sprint(i)])
		}
	}
}
