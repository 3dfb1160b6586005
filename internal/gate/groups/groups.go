// Package groups is the keeper that reads the groups in the Canary itself: a name in the list may answer, any other may
// not. A group that the Canary does not list is one of the cluster's: who brings it along may answer. Names are compared
// exactly. Who an actor really is, and in which groups, the socket's file permissions decide, or the cluster's admission policy.
package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"serin.dev/serin/internal/gate"
)

// Driver describes this keeper to the catalog.
var Driver = gate.Driver{
	Name: "groups",
	New:  func() (gate.Keeper, error) { return Keeper{}, nil },
}

// A Keeper holds nothing: the groups come with the request.
type Keeper struct{}

// Admit admits an actor with a name and, where the gate names a group, a member of it.
func (Keeper) Admit(ctx context.Context, r gate.Request) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", r.Act.Verb, err)
	}
	if r.Act.Actor == "" {
		return errors.New("the answer does not say who gave it")
	}
	if r.Gate.Group == "" {
		return nil
	}
	members, known := r.Groups[r.Gate.Group]
	switch {
	case !known && slices.Contains(r.Act.Groups, r.Gate.Group):
		return nil
	case !known:
		return fmt.Errorf("%s as %s: the gate asks for group %q, which has no members", r.Act.Verb, r.Act.Actor, r.Gate.Group)
	case !slices.Contains(members, r.Act.Actor):
		return fmt.Errorf("%s as %s: not a member of group %q", r.Act.Verb, r.Act.Actor, r.Gate.Group)
	}
	return nil
}
