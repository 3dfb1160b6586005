package statefulset

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
)

// beyond is a partition beyond any size. It does not follow the size: a pod that is added to a held StatefulSet is of the
// old revision from its first moment.
const beyond = 1_000_000_000

// A move is what has to be done next to come nearer to an order.
type move struct {
	partition int
	put       plan.Revision // the template to put in the place of the present one; "": the present one stays
	handBack  bool          // it is the one that was asked for
	leave     []member      // have to go, and are kept
	remove    []member      // have to go now
}

// facts are what a move is decided by.
type facts struct {
	replicas, start, partition int
	unavailable                int  // how many pods may be unavailable because of us
	ordered                    bool // Kubernetes makes no pod while one of a lower ordinal is not ready
	update, current            plan.Revision
	settled                    bool          // Kubernetes has taken note of what the StatefulSet asks for
	asked                      plan.Revision // asked for, while update stands in its place; "": none
	members                    []member
}

// decide finds the next move towards so many pods of each revision.
//
// Kubernetes knows two revisions: pods below the partition are of the current one, the others of the template's. What is
// wanted as a whole and is neither must become the template first.
func decide(f facts, want map[plan.Revision]int, keep map[string]bool) move {
	switch whole := alone(want, f.replicas); {
	case whole != "" && whole != f.update && whole != f.current:
		return move{partition: beyond, put: whole}
	case f.asked != "" && f.current == f.update:
		// The way back is complete. The partition is known to hold before the template changes again.
		m := f.moveTo(beyond, want, keep)
		if f.partition == beyond && f.settled {
			m.put, m.handBack = f.asked, true
		}
		return m
	case f.current == f.update || want[f.update] == 0:
		return f.moveTo(beyond, want, keep)
	}
	return f.moveTo(max(0, f.replicas-want[f.update]), want, keep)
}

// alone is the revision that is to have all pods; "" where several share them.
func alone(want map[plan.Revision]int, replicas int) plan.Revision {
	for r, n := range want {
		if n >= replicas && n > 0 {
			return r
		}
	}
	return ""
}

// moveTo sorts the pods that have to go by who sends them away.
func (f facts) moveTo(partition int, want map[plan.Revision]int, keep map[string]bool) move {
	m := move{partition: partition}
	victims := f.victims(partition, want)
	room := f.room(victims)
	for _, o := range victims {
		switch above := o.ordinal-f.start >= partition; {
		case keep[o.instance()]:
			m.leave = append(m.leave, o)
			if above { // Kubernetes would not wait for it
				m.partition = max(m.partition, o.ordinal-f.start+1)
			}
		case !o.serves():
			m.remove = append(m.remove, o)
		case above: // Kubernetes replaces it in its turn
		case room > 0:
			room--
			m.remove = append(m.remove, o)
		}
	}
	return m
}

// victims are the pods that have to go and have not been told yet, the lowest ordinal first: those of an old revision above
// the partition, and below it those of any revision that has more than is wanted.
func (f facts) victims(partition int, want map[plan.Revision]int) []member {
	count := map[plan.Revision]int{}
	for _, o := range f.members {
		if !o.going {
			count[o.revision]++
		}
	}
	var victims []member
	for _, o := range f.members {
		if o.going {
			continue
		}
		if o.ordinal-f.start >= partition {
			if o.revision != f.update {
				victims = append(victims, o)
			}
			continue
		}
		if o.revision != f.current && count[o.revision] > want[o.revision] && count[f.current] < want[f.current] {
			count[o.revision]--
			count[f.current]++
			victims = append(victims, o)
		}
	}
	return victims
}

// room is how many pods that serve may be sent away now. A pod that is not ready takes up room, for it may have come in the
// place of one that was sent away; but not if it is older than all that have to go, unless Kubernetes waits for it: a sick
// pod of the old revision must not keep the bad new ones.
func (f facts) room(victims []member) int {
	room := f.unavailable - f.replicas
	for _, o := range f.members {
		old := !f.ordered && !o.going && !slices.ContainsFunc(victims, func(v member) bool {
			return !o.pod.CreationTimestamp.Before(&v.pod.CreationTimestamp)
		})
		if o.serves() || old {
			room++
		}
	}
	return room
}

// String writes a move for tests and logs.
func (m move) String() string {
	text := fmt.Sprintf("partition %d", m.partition)
	if m.partition == beyond {
		text = "held"
	}
	if m.put != "" {
		text += fmt.Sprintf(", put %s", m.put)
	}
	if m.handBack {
		text += " back"
	}
	for _, o := range m.leave {
		text += fmt.Sprintf(", %d leaves", o.ordinal)
	}
	for _, o := range m.remove {
		text += fmt.Sprintf(", delete %d", o.ordinal)
	}
	return text
}
