package log

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
)

// Driver describes this notifier to the catalog.
var Driver = notify.Driver{
	Name:  "log",
	Check: Check,
	New:   func(env notify.Env) (notify.Notifier, error) { return New(env), nil },
}

// Check refuses all settings: there are none.
func Check(with json.RawMessage) error { return plan.Decode(with, &struct{}{}) }

// A Notifier writes messages to a log.
type Notifier struct{ log *slog.Logger }

// New makes a notifier; without a log it writes to slog's default.
func New(env notify.Env) *Notifier {
	if env.Log == nil {
		env.Log = slog.Default()
	}
	return &Notifier{env.Log}
}

// Tell writes the message.
func (n *Notifier) Tell(ctx context.Context, with json.RawMessage, m notify.Message) error {
	if err := Check(with); err != nil {
		return fmt.Errorf("log message %s: %w", m.Key, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("log message %s: %w", m.Key, err)
	}
	level := slog.LevelInfo
	if m.Event == plan.RolledBack || m.Event == plan.NeedsYou {
		level = slog.LevelWarn
	}
	n.log.LogAttrs(ctx, level, m.Text,
		slog.String("key", m.Key), slog.String("release", m.Release), slog.String("target", m.Target),
		slog.String("event", string(m.Event)), slog.Int("step", m.Step), slog.String("stepName", m.StepName),
		slog.String("stable", string(m.Stable)), slog.String("canary", string(m.Canary)), slog.Time("at", m.At),
	)
	return nil
}
