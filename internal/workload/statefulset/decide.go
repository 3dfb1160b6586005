package statefulset

import (
	"slices"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload/batch"
)

// beyond is a partition beyond any size. It does not follow the size: a pod that is added to a held StatefulSet is of the
// old revision from its first moment.
const beyond = 1_000_000_000

// facts are what a move is decided by.
type facts struct {
	batch.Sight
	replicas, start, partition int
	unavailable                int  // how many pods may be unavailable because of us
	ordered                    bool // Kubernetes makes no pod while one of a lower ordinal is not ready
	settled                    bool // Kubernetes has taken note of what the StatefulSet asks for
}

// decide finds the next move towards so many pods of each revision.
//
// Kubernetes knows two revisions: pods below the partition are of the current one, the others of the template's. What is
// wanted as a whole and is neither must become the template first, and so must what is asked for, where the template that
// stands for it is loose (batch.Sight).
func decide(f facts, want map[plan.Revision]int, keep map[string]bool) batch.Move {
	whole := alone(want, f.replicas)
	put := whole
	if whole == "" && want[f.Asked] > 0 {
		put = f.Asked
	}
	switch {
	case put != "" && put != f.Template && put != f.Current:
		return batch.Move{Partition: beyond, Put: put}
	case f.Instead && (f.Current == f.Template || f.holds(whole)):
		// Nobody needs the template that stands there. The partition is known to hold before the template changes again.
		m := f.moveTo(beyond, want, keep)
		if f.partition == beyond && f.settled {
			m.Put, m.HandBack = f.Asked, true
		}
		return m
	case f.Current == f.Template || want[f.Template] == 0:
		return f.moveTo(beyond, want, keep)
	}
	return f.moveTo(max(0, f.replicas-want[f.Template]), want, keep)
}

// holds reports whether the revision is the current one and all pods are of it.
func (f facts) holds(whole plan.Revision) bool {
	return whole == f.Current && !slices.ContainsFunc(f.Members, func(o batch.Member) bool { return o.Revision != whole })
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
func (f facts) moveTo(partition int, want map[plan.Revision]int, keep map[string]bool) batch.Move {
	m := batch.Move{Partition: partition}
	victims := f.victims(partition, want)
	room, crowded := f.room(victims), f.missing(partition, victims) >= f.unavailable
	for _, o := range victims {
		switch above := ordinal(o.Pod)-f.start >= partition; {
		case keep[o.Instance]:
			m.Leave = append(m.Leave, o)
			if above { // Kubernetes would not wait for it
				m.Partition = max(m.Partition, ordinal(o.Pod)-f.start+1)
			}
		case !o.Serves():
			m.Remove = append(m.Remove, o)
		case above && crowded: // nor for those below the partition
			m.Partition = max(m.Partition, ordinal(o.Pod)-f.start+1)
		case above: // Kubernetes replaces it in its turn
		case room > 0:
			room--
			m.Remove = append(m.Remove, o)
		}
	}
	return m
}

// victims are the pods that have to go and have not been told yet, the lowest ordinal first: those of an old revision above
// the partition, and below it those of any revision that has more than is wanted.
func (f facts) victims(partition int, want map[plan.Revision]int) []batch.Member {
	count := map[plan.Revision]int{}
	for _, o := range f.Members {
		if !o.Going {
			count[o.Revision]++
		}
	}
	var victims []batch.Member
	for _, o := range f.Members {
		if o.Going {
			continue
		}
		if ordinal(o.Pod)-f.start >= partition {
			if o.Revision != f.Template {
				victims = append(victims, o)
			}
			continue
		}
		if o.Revision != f.Current && count[o.Revision] > want[o.Revision] && count[f.Current] < want[f.Current] {
			count[o.Revision]--
			count[f.Current]++
			victims = append(victims, o)
		}
	}
	return victims
}

// room is how many pods that serve may be sent away now. A pod that is not ready takes up room, for it may have come in the
// place of one that was sent away; but not if it is older than all that have to go, unless Kubernetes waits for it: a sick
// pod of the old revision must not keep the bad new ones.
func (f facts) room(victims []batch.Member) int {
	room := f.unavailable - f.replicas
	for _, o := range f.Members {
		if o.Serves() || f.sick(o, victims) {
			room++
		}
	}
	return room
}

// missing is how many pods below the partition do not serve, as room counts them.
func (f facts) missing(partition int, victims []batch.Member) int {
	n := min(partition, f.replicas)
	for _, o := range f.Members {
		if ordinal(o.Pod)-f.start < partition && (o.Serves() || f.sick(o, victims)) {
			n--
		}
	}
	return n
}

// sick reports whether a pod that does not serve was there before any that has to go.
func (f facts) sick(o batch.Member, victims []batch.Member) bool {
	return !f.ordered && !o.Going && !slices.ContainsFunc(victims, func(v batch.Member) bool {
		return !o.Pod.CreationTimestamp.Before(&v.Pod.CreationTimestamp)
	})
}
