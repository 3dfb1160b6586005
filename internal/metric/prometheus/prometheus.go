package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Driver describes this store to the catalog.
var Driver = metric.Driver{
	Name:  "prometheus",
	Check: Check,
	Query: CheckQuery,
	Lends: []string{"address", "headers", "auth"},
	New:   func(env metric.Env) (metric.Store, error) { return New(env), nil },
}

// namedWorst bounds how many instances one problem names.
const namedWorst = 3

// A Store reads counters out of Prometheus. It is safe for use by several goroutines.
type Store struct{ desk *desk }

// New makes a store.
func New(env metric.Env) *Store {
	return newStore(env.Secret, time.Now)
}

func newStore(secret func(ctx context.Context, namespace, name, key string) (string, error), now func() time.Time) *Store {
	return &Store{newDesk(&connections{read: secret, now: now, all: map[string]*connection{}}, now)}
}

// A subject is one line of counters that a question asks for.
type subject struct {
	track    plan.TrackName
	instance string // as the question calls it
	name     string // as Prometheus does
	host     string // its address, where it is known
	gone     bool
}

// Read asks Prometheus for the counters of now.
func (s *Store) Read(ctx context.Context, q metric.Question) (metric.Snapshot, error) {
	rules, err := decode(q.With)
	if err == nil && rules.Address == "" {
		err = errors.New("address: says nothing about where Prometheus is")
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return metric.Snapshot{}, fmt.Errorf("ask Prometheus about %s: %w", q.Target, err)
	}
	namespace := ""
	if key, err := cluster.ParseKey(q.Target); err == nil {
		namespace = key.Namespace
	}
	found, warnings, subjects, err := s.ask(ctx, q, rules, namespace)
	if err != nil {
		return metric.Snapshot{}, fmt.Errorf("ask Prometheus about %s: %w", q.Target, err)
	}
	snapshot := gather(q, rules, subjects, found, warnings)
	if len(snapshot.Tracks) == 0 && len(snapshot.Problems) > 0 {
		return snapshot, fmt.Errorf("ask Prometheus about %s: %w", q.Target, joined(snapshot.Problems))
	}
	return snapshot, nil
}

func (s *Store) ask(ctx context.Context, q metric.Question, r *rulebook, namespace string) (answer, []string, []subject, error) {
	key := namespace + "\x00" + string(q.With)
	found := answer{}
	if len(r.places) == 0 {
		subjects := pods(q, namespace)
		warnings, err := s.desk.pods(ctx, found, key, namespace, r, names(subjects))
		return found, warnings, subjects, err
	}
	subjects := services(q)
	warnings, err := s.desk.services(ctx, found, key, namespace, r, names(subjects))
	return found, warnings, subjects, err
}

// pods lists whom to ask about: by name on a cluster, elsewhere by address. Of several of one name the one that is there has
// the series.
func pods(q metric.Question, namespace string) []subject {
	var all []subject
	here := map[string]bool{}
	for track, endpoints := range q.Tracks {
		for _, e := range endpoints {
			one := subject{track: track, instance: e.Instance, gone: e.URL == ""}
			one.name, _, _ = strings.Cut(e.Instance, "@")
			if u, err := url.Parse(e.URL); err == nil {
				one.host = u.Hostname()
				if namespace == "" {
					one.name = u.Host
				}
			}
			if namespace == "" && one.gone {
				continue // without an address it has no name there
			}
			here[one.name] = here[one.name] || !one.gone
			all = append(all, one)
		}
	}
	return slices.DeleteFunc(all, func(one subject) bool { return one.gone && here[one.name] })
}

// services lists the Services of the tracks.
func services(q metric.Question) []subject {
	var all []subject
	for track := range q.Tracks {
		if name := q.Services[track]; name != "" {
			all = append(all, subject{track: track, instance: name, name: name})
		}
	}
	return all
}

func names(subjects []subject) []string {
	var all []string
	for _, s := range subjects {
		all = append(all, s.name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// gather sorts what was found by track. A track of which something is known is there, with its problem.
func gather(q metric.Question, r *rulebook, subjects []subject, found answer, warnings []string) metric.Snapshot {
	snapshot := metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}, Problems: map[plan.TrackName]string{}}
	for track := range q.Tracks {
		counters := map[string]metric.Counters{}
		var missing, doubts []string
		asked := 0
		for _, one := range subjects {
			if one.track != track {
				continue
			}
			t, known := found.find(one.name, one.host)
			if known = known && (t.known() || t.up || t.invalid != ""); !known {
				if !one.gone {
					missing, asked = append(missing, one.instance), asked+1
				}
				continue
			}
			asked++
			c, doubt := t.counters(r.scale)
			if !t.known() && doubt == "" {
				doubt = "there is no metric " + r.requests.Metric
			}
			counters[one.instance] = c
			if doubt != "" {
				doubts = append(doubts, doubt)
			}
		}
		problem := r.problem(q, track, missing, doubts, asked, warnings)
		if problem != "" {
			snapshot.Problems[track] = problem
		}
		if len(counters) > 0 || problem == "" {
			snapshot.Tracks[track] = counters
		}
	}
	return snapshot
}

// problem says what is wrong with a track, and what Prometheus itself had to say about it.
func (r *rulebook) problem(q metric.Question, track plan.TrackName, missing, doubts []string, asked int, warnings []string) string {
	var text string
	switch {
	case len(r.places) > 0 && asked == 0 && len(q.Tracks[track]) > 0:
		text = "the track has no Service, and the requests are counted by Service; choose a preset that counts at pods"
	case len(missing) > 0 && len(r.places) > 0:
		text = fmt.Sprintf("there is no metric %s for Service %s: nothing was counted yet, or `service` and `labels` do not fit",
			r.requests.Metric, missing[0])
	case len(missing) > 0:
		slices.Sort(missing)
		text = fmt.Sprintf("%d of %d instances are not known to Prometheus: %s", len(missing), asked,
			strings.Join(missing[:min(namedWorst, len(missing))], ", "))
		if len(missing) > namedWorst {
			text += ", ..."
		}
	case len(doubts) > 0 && len(doubts) == asked: // what one instance lacks may come with its first request
		return doubts[0]
	}
	if text != "" && len(warnings) > 0 {
		text += " (" + warnings[0] + ")"
	}
	return text
}

func joined(problems map[plan.TrackName]string) error {
	var all []string
	for track, problem := range problems {
		all = append(all, fmt.Sprintf("%s: %s", track, problem))
	}
	slices.Sort(all)
	return errors.New(strings.Join(all, "; "))
}
