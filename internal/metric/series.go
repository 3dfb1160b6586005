package metric

import (
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// Increments works out what was counted between two snapshots, for a judge to look at. A track that next could not
// read is missing; gap says that nothing can be said about any track.
//
// An instance is looked up on all tracks of prev, because a promotion moves it from one to another. Then:
//
//   - a total that grew gives the difference;
//   - a smaller total is a reset, and the new total is what was counted since; but a large total that lost less than half is
//     no restart (a series vanished, or a value was misread) and gives nothing this time;
//   - an instance unknown to prev was not there then, so all it counted is new; unless prev had a problem on its track and
//     may have overlooked it, and then its counters are only the base of the next look;
//   - an instance unknown to next gives nothing: what it counted after prev is lost with it;
//   - other bucket bounds than before, or buckets that do not agree with the requests, leave out the latency, not the requests;
//   - more failures than requests (the store read one before the other) are as many failures as requests. The rest is
//     counted next time, if prev comes from Carry.
//
// A prev in which no track was ever read, such as the zero Snapshot, only makes next the base. What Increments gives
// over any partition of a history adds up to the same, as long as totals grow.
func Increments(prev, next Snapshot) (tracks map[plan.TrackName]judge.Counts, gap bool) {
	if len(prev.Tracks) == 0 {
		return nil, true
	}
	tracks = map[plan.TrackName]judge.Counts{}
	for track, instances := range next.Tracks {
		counts := judge.Counts{Pods: map[string]judge.Tally{}}
		for name, now := range instances {
			before, known := prev.find(track, name)
			if !known && prev.Problems[track] != "" {
				continue
			}
			if tally, ok := since(before, now); ok {
				counts.Pods[name] = tally
			}
		}
		if len(counts.Pods) > 0 || len(instances) == 0 {
			tracks[track] = counts
		}
	}
	return tracks, len(tracks) == 0
}

// Carry makes the snapshot that the next look starts from: next, and of prev what next could not read. Without it an
// instance that cannot be asked for a while, and then comes back, would be taken for a new one and counted twice.
func Carry(prev, next Snapshot) Snapshot {
	kept := Snapshot{Tracks: map[plan.TrackName]map[string]Counters{}, Problems: map[plan.TrackName]string{}}
	moved := map[string]bool{}
	for track, instances := range next.Tracks {
		kept.Tracks[track] = map[string]Counters{}
		for name, now := range instances {
			moved[name] = true
			if before, known := prev.find(track, name); known {
				now = uncounted(before, now)
			}
			kept.Tracks[track][name] = now
		}
	}
	for track, instances := range prev.Tracks {
		if kept.Tracks[track] == nil {
			kept.Tracks[track] = map[string]Counters{}
		}
		for name, before := range instances {
			if !moved[name] {
				kept.Tracks[track][name] = before
			}
		}
	}
	for track, problem := range next.Problems {
		kept.Problems[track] = problem
	}
	for track, problem := range prev.Problems {
		if _, read := next.Tracks[track]; !read && kept.Problems[track] == "" {
			kept.Problems[track] = problem // still never read
		}
	}
	return kept
}

// find looks an instance up, first on the track it is on now.
func (s Snapshot) find(track plan.TrackName, instance string) (Counters, bool) {
	if c, ok := s.Tracks[track][instance]; ok {
		return c, true
	}
	for _, instances := range s.Tracks {
		if c, ok := instances[instance]; ok {
			return c, true
		}
	}
	return Counters{}, false
}

// misread is the total from which a counter that fell by less than half is not believed to have been reset: an
// instance that starts again does not answer so many requests between two looks.
const misread = 1000

// since returns what was counted from before to now; the zero Counters is before the birth. It is false where nothing
// can be said.
func since(before, now Counters) (judge.Tally, bool) {
	if reset(before, now) {
		if now.Requests > misread && now.Requests > before.Requests/2 {
			return judge.Tally{}, false
		}
		before = Counters{}
	}
	t := judge.Tally{Requests: now.Requests - before.Requests}
	t.Failures = min(now.Failures-before.Failures, t.Requests)
	if buckets, ok := bucketsSince(before, now, t.Requests); ok {
		t.Bounds, t.Buckets = slices.Clone(now.Bounds), buckets
	}
	return t, true
}

func reset(before, now Counters) bool {
	return now.Requests < before.Requests || now.Failures < before.Failures
}

// bucketsSince returns the latencies between two readings, false where they cannot be told.
func bucketsSince(before, now Counters, requests int64) ([]int64, bool) {
	if len(now.Bounds) == 0 || len(now.Buckets) != len(now.Bounds) {
		return nil, false
	}
	born := before.Requests == 0 && len(before.Buckets) == 0
	if !born && (!slices.Equal(before.Bounds, now.Bounds) || len(before.Buckets) != len(now.Buckets)) {
		return nil, false
	}
	buckets := slices.Clone(now.Buckets)
	for i := range before.Buckets {
		buckets[i] -= before.Buckets[i]
	}
	if buckets[0] < 0 || !slices.IsSorted(buckets) || buckets[len(buckets)-1] > requests {
		return nil, false
	}
	return buckets, true
}

// uncounted is now without the failures that since held back.
func uncounted(before, now Counters) Counters {
	if tally, ok := since(before, now); ok && !reset(before, now) {
		now.Failures = before.Failures + tally.Failures
	}
	return now
}
