package notify

import (
	"context"
	"encoding/json"
	"time"

	"serin.dev/serin/internal/plan"
)

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
	// Check refuses settings that Tell could not use: unknown fields, a missing URL.
	Check(with json.RawMessage) error
	// Tell delivers the message once; an error says that it was refused or that it is not known to have arrived.
	// It returns within the context's deadline.
	Tell(ctx context.Context, with json.RawMessage, m Message) error
}
