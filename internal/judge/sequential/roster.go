package sequential

import (
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential/bet"
)

// A pod is one instance of a track, as far as it is known. Pods are kept sorted by name, so that no map order enters.
type pod struct {
	Name   string     `json:"name"`
	Born   float64    `json:"born"`  // the first look that knew it
	Seen   float64    `json:"seen"`  // the last
	Heard  float64    `json:"heard"` // the last look of the release in which it had answered anything; 0: none since looks were missed
	N      float64    `json:"n"`     // requests and failures during the release
	X      float64    `json:"x"`
	Failed record     `json:"failed"`
	Slow   []record   `json:"slow,omitempty"`   // by pinned bound
	Levels []level    `json:"levels,omitempty"` // by gauge
	Bets   bet.Wealth `json:"bets,omitzero"`    // that it alone fails
}

// failed is the kind of event that is not about a bound.
const failed = -1

func (p *pod) record(kind int) record {
	switch {
	case kind == failed:
		return p.Failed
	case kind >= len(p.Slow):
		return record{}
	}
	return p.Slow[kind]
}

// Pods that have not been seen for this long are forgotten, and no more than so many are kept.
const (
	forgetAfter = 900.0 // seconds
	podsMost    = 4096
)

// A roster is the known pods of one track.
type roster struct {
	Pods    []pod    `json:"pods"`
	Swept   bool     `json:"swept"` // in the last look every pod was new
	Now     float64  `json:"now"`   // the last look
	known   bool     // all pods of the look are, and in entries
	names   []string // scratch
	entries []entry  // scratch
}

// An entry is a pod of the present look.
type entry struct {
	tally judge.Tally
	pod   int  // index into Pods
	fresh bool // first seen in this look, though the track was known: it served only part of the interval
}

// admit sorts the pods of a look into the roster and returns them in order of name. A new pod of a known track is
// fresh: its counts are left out for one look, for it was started, warmed or reset within it. When all are new at
// once they are left out only once, lest a track whose pods die after every scrape is never judged.
func (r *roster) admit(pods map[string]judge.Tally, t float64) []entry {
	if r.known && len(r.entries) == len(pods) { // the look was checked, and its pods were found
		return r.again(t)
	}
	r.Now = t
	r.names = r.names[:0]
	for name := range pods {
		r.names = append(r.names, name)
	}
	slices.Sort(r.names)
	first, settled := len(r.Pods) == 0, false
	at := 0
	for _, name := range r.names {
		for at < len(r.Pods) && r.Pods[at].Name < name {
			at++
		}
		if at < len(r.Pods) && r.Pods[at].Name == name {
			settled = true
		} else {
			r.Pods = slices.Insert(r.Pods, at, pod{Name: name, Born: t})
		}
	}
	at = 0
	r.entries = r.entries[:0]
	for _, name := range r.names {
		for r.Pods[at].Name != name {
			at++
		}
		fresh := r.Pods[at].Born == t && !first && (settled || !r.Swept)
		r.Pods[at].Seen = t
		r.entries = append(r.entries, entry{tally: pods[name], pod: at, fresh: fresh})
	}
	r.Swept = !settled && !first && len(r.names) > 0
	return r.entries
}

// recall finds pods that are all known, as they are in nearly every look; it changes nothing else.
func (r *roster) recall(pods map[string]judge.Tally) bool {
	r.entries = r.entries[:0]
	for i := range r.Pods {
		if tally, there := pods[r.Pods[i].Name]; there {
			r.entries = append(r.entries, entry{tally: tally, pod: i})
		}
	}
	r.known = len(pods) > 0 && len(r.entries) == len(pods)
	return r.known
}

// again admits the pods that were recalled.
func (r *roster) again(t float64) []entry {
	for i := range r.entries {
		r.Pods[r.entries[i].pod].Seen = t
	}
	r.Now, r.Swept = t, false
	return r.entries
}

// forget drops pods that are gone. It runs at the end of a look, for entries point into Pods.
func (r *roster) forget(t float64) {
	gone := func(p pod) bool { return t-p.Seen > forgetAfter }
	if slices.ContainsFunc(r.Pods, gone) || len(r.Pods) > podsMost {
		r.Pods = slices.DeleteFunc(r.Pods, gone)
	}
	if len(r.Pods) > podsMost {
		r.Pods = slices.DeleteFunc(r.Pods, func(p pod) bool { return p.Seen < t })
	}
}

// worst names the pod that has most of the failures of several, with its share; none when no pod stands out.
func (r *roster) worst() (name string, x, n float64) {
	var all float64
	for i := range r.Pods {
		all += r.Pods[i].X
		if r.Pods[i].X > x {
			name, x, n = r.Pods[i].Name, r.Pods[i].X, r.Pods[i].N
		}
	}
	if len(r.Pods) < 2 || x < 3 || x < 0.6*all {
		return "", 0, 0
	}
	return name, x, n
}
