package daemonset

import (
	"maps"
	"slices"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload/batch"
)

// facts are what a move is decided by.
type facts struct {
	batch.Sight
	full        int
	unavailable int  // how many pods may be unavailable because of us
	settled     bool // Kubernetes has taken note of the template
}

// decide finds the next move towards so many pods of each revision: the template becomes that of the revision that is short,
// then pods that are too many are sent away and come back as that. At rest, what the user asks for stands in the spec again
// where new pods of it are what is wanted.
func decide(f facts, want map[plan.Revision]int, keep map[string]bool) batch.Move {
	count := f.count()
	short := f.short(count, want)
	switch {
	case short == "" && f.Instead && f.Rest:
		return batch.Move{Put: f.Asked, HandBack: true}
	case short == "":
		return batch.Move{}
	case short != f.Template:
		return batch.Move{Put: short}
	case !f.settled:
		return batch.Move{} // a pod that went now could come back as what the template was before
	}
	var m batch.Move
	victims := f.victims(short, count, want)
	room, missing := f.room(victims), want[short]-count[short]
	for _, serving := range []bool{false, true} {
		for _, o := range victims {
			if missing == 0 || o.Serves() != serving || count[o.Revision] <= want[o.Revision] {
				continue
			}
			switch {
			case keep[o.Instance]:
				m.Leave = append(m.Leave, o)
			case !serving:
				m.Remove = append(m.Remove, o)
			case room > 0:
				m.Remove = append(m.Remove, o)
				room--
			default:
				continue
			}
			count[o.Revision]--
			missing--
		}
	}
	return m
}

// count counts the pods of each revision; what is missing comes as what the template says.
func (f facts) count() map[plan.Revision]int {
	count, left := map[plan.Revision]int{}, f.full
	for _, o := range f.Members {
		if !o.Going {
			count[o.Revision]++
			left--
		}
	}
	count[f.Template] += max(0, left)
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
	if count[f.Template] < want[f.Template] {
		return f.Template
	}
	for _, r := range slices.Sorted(maps.Keys(want)) {
		if count[r] < want[r] {
			return r
		}
	}
	return ""
}

// victims are the pods of revisions that have too many, by node.
func (f facts) victims(short plan.Revision, count, want map[plan.Revision]int) []batch.Member {
	return slices.DeleteFunc(slices.Clone(f.Members), func(o batch.Member) bool {
		return o.Going || o.Revision == short || count[o.Revision] <= want[o.Revision]
	})
}

// room is how many pods that serve may be sent away now. A pod that is not ready takes up room, for it may have come in the
// place of one that was sent away; but not if it is older than all that may have to go: a sick pod of the old revision
// must not keep the bad new ones.
func (f facts) room(victims []batch.Member) int {
	room := f.unavailable - f.full
	for _, o := range f.Members {
		old := !o.Going && !slices.ContainsFunc(victims, func(v batch.Member) bool {
			return !o.Pod.CreationTimestamp.Before(&v.Pod.CreationTimestamp)
		})
		if o.Serves() || old {
			room++
		}
	}
	return room
}
