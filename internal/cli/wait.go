package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// An Exit is an end of a command whose exit status means something.
type Exit struct {
	Code int
	Text string
}

func (e *Exit) Error() string { return e.Text }

// orNil is nil for the status that is none.
func (e *Exit) orNil() error {
	if e.Code == 0 {
		return nil
	}
	return e
}

// ExitCode is the status that the program exits with.
func (e *Exit) ExitCode() int { return e.Code }

// The exit statuses of `serin wait`. 0 is promoted.
const (
	ExitRolledBack   = 1
	ExitInsufficient = 2 // serin lacks data and asks a person
	ExitApproval     = 3
	ExitTimeout      = 4
	ExitSuperseded   = 5
	ExitUnknown      = 6 // it could not be found out: no such release, serin not running, a wrong flag
)

const waitLong = `Wait until a release is over, and say by the exit status how it ended:

  0  promoted
  1  rolled back
  2  not enough data: serin asks a person to decide
  3  waits for an approval
  4  --timeout is over
  5  superseded by a newer revision
  6  it could not be found out: no such release, serin not running, a wrong flag`

func (p program) wait() *cobra.Command {
	cmd := p.command(&cobra.Command{Use: "wait NAME", Short: "wait until a release is over; the exit status says how it ended", Long: waitLong})
	w := waiting{}
	cmd.Flags().StringVar(&w.aim, "for", "completed", "what to wait for: completed")
	cmd.Flags().StringVar(&w.revision, "revision", "", "wait for this revision, or version, even if its release has not begun yet")
	timeout := cmd.Flags().Duration("timeout", 0, "give up after this long (default: never)")
	still := cmd.Flags().BoolP("quiet", "q", false, "show nothing meanwhile")
	unknown := func(_ *cobra.Command, err error) error { return &Exit{ExitUnknown, err.Error()} }
	cmd.SetFlagErrorFunc(unknown)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(1)(cmd, args); err != nil {
			return unknown(cmd, err)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if w.aim != "completed" {
			return unknown(cmd, fmt.Errorf("--for=%s: one can wait for completed", w.aim))
		}
		w.see = func(progress.Release) error { return nil }
		if !*still {
			w.see = p.seer(plainText)
		}
		ctx := cmd.Context()
		if *timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *timeout)
			defer cancel()
		}
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		return p.waitFor(ctx, c, args[0], &w)
	}
	return cmd
}

// Restarts of serin are waited out for an absence, asking again and again; at first, a serin or a release that has only just
// been started is given a moment.
const (
	absence = 30 * time.Second
	moment  = 2 * time.Second
	again   = 250 * time.Millisecond
)

// waitFor watches until the answer is known. A serin that goes away comes back with everything it knew.
func (p program) waitFor(ctx context.Context, c Server, name string, w *waiting) error {
	lost := p.Now() // contact
	var missing error
	for {
		err := p.ticking(ctx, func(ctx context.Context, seen func(progress.Release) error) error {
			return c.Watch(ctx, name, seen)
		}, func(r progress.Release) error {
			lost = time.Time{}
			return w.consider(r)
		})
		var exit *Exit
		switch {
		case errors.As(err, &exit):
			return exit.orNil()
		case errors.Is(err, context.DeadlineExceeded) && missing != nil && w.last == "" && w.revision == "": // there was nothing to wait for
			return &Exit{ExitUnknown, fmt.Sprintf("wait %s: %v", name, missing)}
		case errors.Is(err, context.DeadlineExceeded):
			return &Exit{ExitTimeout, fmt.Sprintf("wait %s: timed out: %s", name, w.last)}
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if lost.IsZero() {
			lost = p.Now()
		}
		if !passing(err) || p.Now().Sub(lost) > w.patience() {
			return &Exit{ExitUnknown, fmt.Sprintf("wait %s: %v", name, known(ctx, c, err))}
		}
		missing = err
		pause(ctx, again)
	}
}

// passing reports whether an error may pass by itself: serin or the release may yet come, or come back.
func passing(err error) bool {
	return errors.Is(err, ErrGone) || errors.Is(err, ErrNoServer) || errors.Is(err, ErrNotFound)
}

// patience is how long serin and the release may be missing.
func (w *waiting) patience() time.Duration {
	if w.last == "" && w.revision == "" {
		return moment
	}
	return absence
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A waiting remembers which release is meant.
type waiting struct {
	aim      string
	revision string // empty: of the release that is there first
	release  string // its name, once it was seen
	last     string // the last headline
	see      func(progress.Release) error
}

// consider returns an Exit when the release says how it ended, or that it does not go on by itself.
func (w *waiting) consider(r progress.Release) error {
	w.last = r.Headline
	if err := w.see(r); err != nil {
		return err
	}
	if w.release == "" && (w.revision == "" || w.meant(r.To)) {
		w.release = r.Name
	}
	if r.Name == w.release {
		return outcome(r)
	}
	return w.past(r)
}

// meant reports whether a revision is the one asked for: itself, or the version that users gave it, which serin completes by
// a hash of all that is run ("v2" and "v2-a3b1a885").
func (w *waiting) meant(rev plan.Revision) bool {
	return string(rev) == w.revision || strings.HasPrefix(string(rev), w.revision+"-")
}

// past looks for a release that is not the latest any more, or whose turn has not come yet.
func (w *waiting) past(r progress.Release) error {
	if w.revision != "" && w.meant(plan.Revision(r.Next)) {
		return nil
	}
	for _, l := range slices.Backward(r.History) {
		if l.Release == w.release || w.release == "" && w.meant(l.To) {
			return final(r.Canary, l.Phase, l.Reason)
		}
	}
	if w.release != "" {
		return &Exit{ExitSuperseded, fmt.Sprintf("%s: %s has taken its place", w.release, r.To)}
	}
	return nil
}

// outcome returns nil while the release goes on by itself.
func outcome(r progress.Release) error {
	if r.Phase.Over() {
		why := ""
		if r.Failure != nil {
			why = r.Failure.Text
		}
		return final(r.Canary, r.Phase, why)
	}
	w := r.Waiting
	switch {
	case w == nil || r.Phase == plan.RollingBack:
		return nil
	case w.For == "approval":
		return &Exit{ExitApproval, fmt.Sprintf("%s: %s (%s)", r.Canary, w.Text, w.EndBy)}
	case w.Asked && (w.For == "data" || w.For == "verdict"):
		return &Exit{ExitInsufficient, fmt.Sprintf("%s: not enough data to decide: %s (%s)", r.Canary, w.Text, w.EndBy)}
	}
	return nil
}

func final(name string, phase plan.Phase, why string) error {
	switch phase {
	case plan.Succeeded:
		return &Exit{0, ""}
	case plan.Superseded:
		return &Exit{ExitSuperseded, fmt.Sprintf("%s: superseded: %s", name, why)}
	}
	return &Exit{ExitRolledBack, fmt.Sprintf("%s: rolled back: %s", name, why)}
}
