package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
)

// bounds of the world's latency buckets, in seconds.
var bounds = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

// counted are an instance's counters.
type counted struct {
	requests, failures int64
	buckets            [8]int64
}

// serve lets one tick of traffic meet the instances.
func (w *World) serve(t *target, step time.Duration) {
	traffic := t.route.active.Traffic
	tracks := traffic.Shares.Tracks()
	for range w.poisson(w.Rate * step.Seconds()) {
		w.Sent++
		track, ok := w.matched(traffic)
		if !ok {
			track, ok = w.pick(traffic.Shares, tracks)
		}
		if !ok {
			continue // no route yet, or requests wait at the router: nothing was promised
		}
		i := w.endpoint(t, track)
		if i == nil {
			w.Lost++
			continue
		}
		w.answer(i)
		w.mirror(t, traffic.Mirror)
	}
}

// matching is the part of the requests that a match of the route claims, for each match.
const matching = 0.1

func (w *World) matched(t plan.Traffic) (plan.TrackName, bool) {
	for _, m := range t.Matches {
		if w.happens(matching) {
			return m.Track, true
		}
	}
	return "", false
}

// mirror copies a request; nobody waits for the answer, so nothing is lost where there is none.
func (w *World) mirror(t *target, m *plan.Mirror) {
	if m == nil || !w.happens(float64(m.Share)/float64(plan.Whole)) {
		return
	}
	if i := w.endpoint(t, m.Track); i != nil {
		w.answer(i)
	}
}

func (w *World) pick(shares plan.Shares, tracks []plan.TrackName) (plan.TrackName, bool) {
	at := plan.Share(w.dice.IntN(int(plan.Whole)))
	for _, track := range tracks {
		if at -= shares[track]; at < 0 {
			return track, true
		}
	}
	return "", false
}

// endpoint picks a living instance of the track. Routers retry what never reached an instance, so a dead one in the list
// costs nothing while another lives.
func (w *World) endpoint(t *target, track plan.TrackName) *instance {
	list := t.route.active.Endpoints[track]
	if len(list) == 0 {
		return nil
	}
	from := w.dice.IntN(len(list))
	for n := range list {
		name := list[(from+n)%len(list)].Instance
		k := slices.IndexFunc(t.instances, func(i *instance) bool { return i.name == name })
		if k >= 0 && w.up(t.instances[k]) {
			return t.instances[k]
		}
	}
	return nil
}

func (w *World) answer(i *instance) {
	truth := w.truth(i.revision)
	i.counted.requests++
	if i.revision == w.Released {
		w.Canary++
	}
	if w.happens(truth.Failure) {
		i.counted.failures++
		w.Failed++
	}
	took := truth.Latency.Seconds() * math.Exp(0.5*w.dice.NormFloat64())
	if w.happens(truth.Tail) {
		took++
	}
	for b := range bounds {
		if took <= bounds[b] {
			i.counted.buckets[b]++
		}
	}
	w.under(i)
}

// poisson draws a count; exactly for small means, by the normal approximation for large ones.
func (w *World) poisson(mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*w.dice.NormFloat64())))
	}
	n, p := 0, math.Exp(-mean)
	for u := w.dice.Float64(); u > p; n++ {
		u -= p
		p *= mean / float64(n+1)
		if p == 0 {
			break
		}
	}
	return n
}

// Metrics returns the world's metric store: each instance's own counters, as a scrape finds them.
func (w *World) Metrics() metric.Store { return metrics{w} }

type metrics struct{ w *World }

func (v metrics) Read(_ context.Context, q metric.Question) (metric.Snapshot, error) {
	if err := v.w.fails("read metrics"); err != nil {
		return metric.Snapshot{}, err
	}
	got := metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}, Problems: map[plan.TrackName]string{}}
	t := v.w.target(q.Target)
	for _, track := range slices.Sorted(maps.Keys(q.Tracks)) { // sorted: the dice must fall alike every time
		endpoints := q.Tracks[track]
		if v.w.happens(v.w.Weather.ScrapeGap) {
			got.Problems[track] = "simulated gap"
			continue
		}
		got.Tracks[track] = map[string]metric.Counters{}
		for _, e := range endpoints {
			for _, i := range t.instances {
				if i.name == e.Instance {
					got.Tracks[track][i.name] = metric.Counters{Requests: i.counted.requests, Failures: i.counted.failures, Bounds: bounds, Buckets: slices.Clone(i.counted.buckets[:])}
				}
			}
		}
	}
	return got, nil
}

// Query has nothing to say: what a user's own query would find is not of this world.
func (metrics) Query(context.Context, metric.QueryQuestion) (judge.Reading, error) {
	return judge.Reading{}, errors.New("the simulated world knows no answers to queries")
}

// Notifier returns the world's notifier. It remembers every key and says so when one arrives twice.
func (w *World) Notifier() notify.Notifier { return notifiers{w} }

type notifiers struct{ w *World }

func (v notifiers) Tell(_ context.Context, _ json.RawMessage, m notify.Message) error {
	if err := v.w.fails("tell"); err != nil {
		return err
	}
	v.w.told[m.Key]++
	if n := v.w.told[m.Key]; n > 1 {
		v.w.breaks("hook %s told %d times", m.Key, n)
	}
	return nil
}

// Told lists how often each hook arrived.
func (w *World) Told() map[string]int { return w.told }

// String describes the world for a transcript.
func (w *World) String() string {
	return fmt.Sprintf("%d requests, %d failed, %d lost, %d met %s", w.Sent, w.Failed, w.Lost, w.Canary, w.Released)
}
