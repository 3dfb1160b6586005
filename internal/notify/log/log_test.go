package log

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/notify/conformance"
	"serin.dev/serin/internal/plan"
)

// A sink is where the log goes.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.FieldsFunc(s.text.String(), func(r rune) bool { return r == '\n' })
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		Start: func(t *testing.T) conformance.Bench {
			out := &sink{}
			return conformance.Bench{
				Notifier: New(notify.Env{Log: slog.New(slog.NewJSONHandler(out, nil))}),
				Received: func() []notify.Message {
					var all []notify.Message
					for _, line := range out.lines() {
						var m notify.Message
						var text struct{ Msg string }
						if err := json.Unmarshal([]byte(line), &m); err != nil {
							t.Fatalf("line %s: %v", line, err)
						}
						if err := json.Unmarshal([]byte(line), &text); err != nil {
							t.Fatal(err)
						}
						m.Text = text.Msg
						all = append(all, m)
					}
					return all
				},
			}
		},
		Refused: map[string]json.RawMessage{"level": json.RawMessage(`{"level":"info"}`)},
	})
}

func TestLevel(t *testing.T) {
	levels := map[plan.Event]string{plan.Entered: "INFO", plan.Promoted: "INFO", plan.RolledBack: "WARN", plan.NeedsYou: "WARN"}
	for event, want := range levels {
		out := &sink{}
		m := conformance.Example("k")
		m.Event = event
		if err := New(notify.Env{Log: slog.New(slog.NewTextHandler(out, nil))}).Tell(t.Context(), nil, m); err != nil {
			t.Fatal(err)
		}
		if line := out.lines()[0]; !strings.Contains(line, "level="+want) || !strings.Contains(line, "canary=v2") {
			t.Errorf("%s: %s", event, line)
		}
	}
}
