package notify

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"serin.dev/serin/internal/plan"
)

// A Driver describes a notifier to the catalog.
type Driver struct {
	Name  string // the word users write under `notify:`
	Check func(with json.RawMessage) error
	New   func(Env) (Notifier, error)
}

// An Env is what a notifier gets from the program it runs in.
type Env struct {
	Log *slog.Logger
}

// A Message is what happened, for people and programs.
type Message struct {
	Key      string        `json:"key"` // "checkout-3/2/entered/page-sre": release, step, event, hook
	Release  string        `json:"release"`
	Target   string        `json:"target"`
	Event    plan.Event    `json:"event"`
	Step     int           `json:"step"`
	StepName string        `json:"stepName"`
	Stable   plan.Revision `json:"stable"`
	Canary   plan.Revision `json:"canary"`
	Text     string        `json:"text"` // one line in plain words
	At       time.Time     `json:"at"`
}

// A Notifier tells messages. All methods are safe for use by several goroutines.
type Notifier interface {
	// Tell delivers the message once; an error says that it was refused or that it is not known to have arrived.
	// It returns within the context's deadline.
	Tell(ctx context.Context, with json.RawMessage, m Message) error
}
