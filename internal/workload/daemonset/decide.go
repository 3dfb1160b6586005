package daemonset

import (
	"maps"
	"slices"

	"serin.dev/serin/internal/plan"
)

// A move is what has to be done next to come nearer to an order.
type move struct {
	put    plan.Revision // the template to put in the place of the present one; "": the present one stays
	leave  []member      // have to go, and are kept
	remove []member      // have to go now
}

// facts are what a move is decided by.
type facts struct {
	full        int
	unavailable int // how many pods may be unavailable because of us
	template    plan.Revision
	settled     bool // Kubernetes has taken note of the template
	members     []member
}

// decide finds the next move towards so many pods of each revision: the template becomes that of the revision that is short,
// then pods that are too many are sent away and come back as that.
func decide(f facts, want map[plan.Revision]int, keep map[string]bool) move {
	count := f.count()
	short := f.short(count, want)
	if short == "" {
		return move{}
	}
	if short != f.template {
		return move{put: short}
	}
	if !f.settled {
		return move{} // a pod that went now could come back as what the template was before
	}
	var m move
	victims := f.victims(short, count, want)
	room, missing := f.room(victims), want[short]-count[short]
	for _, serving := range []bool{false, true} {
		for _, o := range victims {
			if missing == 0 || o.serves() != serving || count[o.revision] <= want[o.revision] {
				continue
			}
			switch {
			case keep[o.pod.Name]:
				m.leave = append(m.leave, o)
			case !serving:
				m.remove = append(m.remove, o)
			case room > 0:
				m.remove = append(m.remove, o)
				room--
			default:
				continue
			}
			count[o.revision]--
			missing--
		}
	}
	return m
}

// count counts the pods of each revision; what is missing comes as what the template says.
func (f facts) count() map[plan.Revision]int {
	count, left := map[plan.Revision]int{}, f.full
	for _, o := range f.members {
		if !o.going {
			count[o.revision]++
			left--
		}
	}
	count[f.template] += max(0, left)
	return count
}

// short is the revision that has to grow, the template's where it has to; "" where none can.
func (f facts) short(count, want map[plan.Revision]int) plan.Revision {
	spare := false
	for r, n := range count {
		spare = spare || n > want[r]
	}
	if !spare {
		return ""
	}
	if count[f.template] < want[f.template] {
		return f.template
	}
	for _, r := range slices.Sorted(maps.Keys(want)) {
		if count[r] < want[r] {
			return r
		}
	}
	return ""
}

// victims are the pods of revisions that have too many, by node.
func (f facts) victims(short plan.Revision, count, want map[plan.Revision]int) []member {
	return slices.DeleteFunc(slices.Clone(f.members), func(o member) bool {
		return o.going || o.revision == short || count[o.revision] <= want[o.revision]
	})
}

// room is how many pods that serve may be sent away now. A pod that is not ready takes up room, for it may have come in the
// place of one that was sent away; but not if it is older than all that may have to go: a sick pod of the old revision
// must not keep the bad new ones.
func (f facts) room(victims []member) int {
	room := f.unavailable - f.full
	for _, o := range f.members {
		old := !o.going && !slices.ContainsFunc(victims, func(v member) bool {
			return !o.pod.CreationTimestamp.Before(&v.pod.CreationTimestamp)
		})
		if o.serves() || old {
			room++
		}
	}
	return room
}
