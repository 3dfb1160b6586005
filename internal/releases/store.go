package releases

import (
	"errors"
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
)

// A Store keeps targets and releases. Each call is atomic and durable when it returns without an error; after a crash
// it has happened completely or not at all. All methods are safe for use by several goroutines.
type Store interface {
	// Targets lists all targets by key.
	Targets() ([]Target, error)
	// Target returns one; ErrNotFound when there is none.
	Target(key string) (Target, error)
	// Begin stores a new release, makes it the latest of its target and gives it an empty status, all at once. change sets
	// the fields of the target (a zero Target with its Key when it is new).
	Begin(r Release, change func(*Target) error) error
	// ChangeTarget reads, changes and writes a target at once.
	ChangeTarget(key string, change func(*Target) error) error
	// Release returns a release and its status; ErrNotFound when there is none.
	Release(name string) (Release, Status, error)
	// Releases lists the names of all kept releases, oldest first by target and number.
	Releases() ([]string, error)
	// Change reads, changes and writes the status of a release at once. An error of change leaves everything as it was and
	// is returned.
	Change(name string, change func(*Status) error) error
	// Conclude does what Change does and changes the target in the same transaction.
	Conclude(name string, change func(*Status, *Target) error) error
	// Forget drops a release.
	Forget(name string) error
	Close() error
}

// ErrNotFound says that there is no such target or release.
var ErrNotFound = errors.New("not found")

// Name returns the name of a Canary's release.
func Name(canary string, number int) string { return fmt.Sprintf("%s-%d", canary, number) }

// Closed reports whether the books on a release are closed.
func (t *Target) Closed(release string) bool {
	return slices.ContainsFunc(t.History, func(l Line) bool { return l.Release == release })
}

// Close a target's books on a finished release: what is in production now, what was sent back, one line of history. Books
// that are closed stay as they are.
func (t *Target) Close(r Release, at plan.Position) {
	if t.Closed(r.Name) {
		return
	}
	line := Line{Release: r.Name, From: r.Plan.Stable, To: r.Plan.Canary, Phase: at.Phase, Began: r.Created, Ended: at.Ended}
	if at.Failure != nil {
		line.Reason = at.Failure.Text
	}
	switch at.Phase {
	case plan.Succeeded:
		t.Stable, t.Rejected = r.Plan.Canary, ""
	case plan.Returned:
		t.Rejected = r.Plan.Canary
	}
	t.History = append(t.History, line)
	if n := len(t.History) - HistoryLimit; n > 0 {
		t.History = t.History[n:]
	}
}
