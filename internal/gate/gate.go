package gate

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
)

// Groups knows who belongs to which group, as the user wrote it down: a group's name and its members' names.
type Groups map[string][]string

// Admit says whether the act may open the gate: an actor with a name and, where the gate names a group, a member of it.
func Admit(g plan.Approved, act plan.Act, groups Groups) error {
	if act.Actor == "" {
		return fmt.Errorf("approve: the approval does not say who gave it")
	}
	if g.Group == "" {
		return nil
	}
	members, known := groups[g.Group]
	if !known {
		return fmt.Errorf("approve as %s: the gate asks for group %q, which has no members", act.Actor, g.Group)
	}
	if !slices.Contains(members, act.Actor) {
		return fmt.Errorf("approve as %s: not a member of group %q", act.Actor, g.Group)
	}
	return nil
}
