package process

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A Template is what users write about one revision of a process.
type Template struct {
	Version string            `json:"version"`
	Command []string          `json:"command"` // program and arguments; $(PORT), $(INSTANCE) and $(REVISION) are replaced
	Env     map[string]string `json:"env"`     // likewise
	Dir     string            `json:"dir"`     // where it runs; empty: where serin does
	Port    int               `json:"port"`    // 0: each replica gets a free one
	Health  Health            `json:"health"`
	Stop    Stop              `json:"stop"`
	Restart Restart           `json:"restart"`
}

// Health says how a replica shows that it can serve, and how long it may take to begin.
type Health struct {
	workload.Health
	Startup plan.Duration `json:"startup,omitempty"` // a replica not ready by then is replaced, 60s
}

// Stop says how a replica is asked to end.
type Stop struct {
	Signal string        `json:"signal,omitempty"` // SIGTERM
	Grace  plan.Duration `json:"grace,omitempty"`  // then SIGKILL, 10s
}

// Restart says what happens after a replica ended by itself.
type Restart struct {
	Backoff Backoff `json:"backoff"` // 1s..1m
}

// A Backoff is the wait before a new start: First, doubled each time, at most Last. Written "1s..1m".
type Backoff struct{ First, Last time.Duration }

// UnmarshalJSON reads "1s..1m".
func (b *Backoff) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`restart.backoff: want a range such as "1s..1m", not %s`, data)
	}
	first, last, found := strings.Cut(text, "..")
	var errFirst, errLast error
	b.First, errFirst = time.ParseDuration(first)
	b.Last, errLast = time.ParseDuration(last)
	if !found || errFirst != nil || errLast != nil || b.First <= 0 || b.Last < b.First {
		return fmt.Errorf(`restart.backoff: %q is not a range such as "1s..1m"`, text)
	}
	return nil
}

// Check refuses templates that could not be run and names the field.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}

// decode reads a template and fills in the defaults.
func decode(raw json.RawMessage) (*Template, error) {
	t := &Template{}
	if err := plan.Decode(raw, t); err != nil {
		return nil, err
	}
	t.setDefaults()
	for _, check := range []func() error{t.checkCommand, t.checkEnv, t.checkHealth, t.checkStop} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Template) setDefaults() {
	t.Health.Complete()
	orDefault(&t.Health.Startup, plan.Duration(time.Minute))
	orDefault(&t.Stop.Signal, "SIGTERM")
	orDefault(&t.Stop.Grace, plan.Duration(10*time.Second))
	orDefault(&t.Restart.Backoff, Backoff{time.Second, time.Minute})
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (t *Template) checkCommand() error {
	if len(t.Command) == 0 || t.Command[0] == "" {
		return fmt.Errorf("command: names no program")
	}
	for i, word := range t.Command {
		if err := checkText(word); err != nil {
			return fmt.Errorf("command[%d]: %w", i, err)
		}
	}
	if t.Port < 0 || t.Port > 65535 {
		return fmt.Errorf("port: %d is not from 0 (any free port) to 65535", t.Port)
	}
	return nil
}

func (t *Template) checkEnv() error {
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("env: %q is not a name", name)
		}
		if slices.Contains(ownNames, name) && t.Env[name] != "$(PORT)" {
			return fmt.Errorf("env.%s: is set by serin for each replica; `port` fixes the port", name)
		}
		if err := checkText(t.Env[name]); err != nil {
			return fmt.Errorf("env.%s: %w", name, err)
		}
	}
	return nil
}

func (t *Template) checkHealth() error {
	if t.Health.Startup < 0 {
		return fmt.Errorf("health.startup: must not be negative")
	}
	return t.Health.Check()
}

func (t *Template) checkStop() error {
	if _, known := signals[t.Stop.Signal]; !known {
		return fmt.Errorf("stop.signal: %q is none of %s", t.Stop.Signal, strings.Join(slices.Sorted(maps.Keys(signals)), ", "))
	}
	if t.Stop.Grace < 0 {
		return fmt.Errorf("stop.grace: must not be negative")
	}
	return nil
}

var signals = map[string]syscall.Signal{
	"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT, "SIGHUP": syscall.SIGHUP,
	"SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2, "SIGKILL": syscall.SIGKILL,
}
