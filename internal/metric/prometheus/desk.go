package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

const (
	shared = time.Second // how long an answer is good for an equal question
	atOnce = 4           // queries of one question
)

// A desk takes queries. Equal ones that come at the same time, or within a second, get the same answer.
type desk struct {
	connections *connections
	now         func() time.Time
	flights     singleflight.Group

	mu     sync.Mutex
	recent map[string]reply
}

// A reply is what a query gave. It is shared: nobody changes it.
type reply struct {
	samples  model.Vector
	warnings []string
	at       time.Time
}

func newDesk(c *connections, now func() time.Time) *desk {
	return &desk{connections: c, now: now, recent: map[string]reply{}}
}

// pods finds the counters of pods.
func (d *desk) pods(ctx context.Context, into answer, key, namespace string, r *rulebook, pods []string) ([]string, error) {
	label := model.LabelName(r.Labels.Pod)
	if namespace == "" {
		label = model.LabelName(r.Labels.Instance)
	}
	var queries []string
	for _, some := range inParts(pods) {
		queries = append(queries, r.byPod(namespace, some))
	}
	replies, err := d.all(ctx, key, namespace, r, queries)
	for _, got := range replies {
		into.add(got.samples, r.Labels.Instance, func(m model.Metric) string { return string(m[label]) })
	}
	return warnings(replies), err
}

// services finds the counters of Services, at all places.
func (d *desk) services(ctx context.Context, into answer, key, namespace string, r *rulebook, services []string) ([]string, error) {
	if len(services) == 0 {
		return nil, nil
	}
	var queries []string
	for _, p := range r.places {
		queries = append(queries, r.byService(p, namespace, services))
	}
	replies, err := d.all(ctx, key, namespace, r, queries)
	if err != nil {
		return nil, err
	}
	for i, p := range r.places {
		patterns := map[string]*regexp.Regexp{}
		for _, s := range services {
			if patterns[s], err = p.fits(namespace, s); err != nil {
				return nil, fmt.Errorf("service: %w", err)
			}
		}
		into.add(replies[i].samples, "", func(m model.Metric) string {
			for _, s := range services {
				if patterns[s].MatchString(string(m[model.LabelName(p.label)])) {
					return s
				}
			}
			return ""
		})
	}
	return warnings(replies), nil
}

func warnings(replies []reply) []string {
	var all []string
	for _, r := range replies {
		all = append(all, r.warnings...)
	}
	return all
}

// all asks several queries at once, and gives their replies in the same order.
func (d *desk) all(ctx context.Context, key, namespace string, r *rulebook, queries []string) ([]reply, error) {
	replies := make([]reply, len(queries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, query := range queries {
		group.Go(func() (err error) {
			replies[i], err = d.one(ctx, key, namespace, r, query)
			return err
		})
	}
	return replies, group.Wait()
}

// one asks one query, or shares what somebody else has asked. Whoever goes away does not end the asking for the others.
func (d *desk) one(ctx context.Context, key, namespace string, r *rulebook, query string) (reply, error) {
	flight := key + "\x00" + query
	if got, ok := d.remembered(flight); ok {
		return got, nil
	}
	landed := d.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(r.Timeout))
		defer cancel()
		got, err := d.query(ctx, key, namespace, r, query)
		if err == nil {
			d.remember(flight, got)
		}
		return got, err
	})
	select {
	case got := <-landed:
		if got.Err != nil {
			return reply{}, got.Err
		}
		return got.Val.(reply), nil
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

func (d *desk) query(ctx context.Context, key, namespace string, r *rulebook, query string) (reply, error) {
	to, err := d.connections.to(ctx, namespace, key, r)
	if err != nil {
		return reply{}, err
	}
	at := d.now()
	value, warned, _, err := to.Query(ctx, query, time.Time{}) // at the server's own time: clocks differ
	if err != nil {
		if refusal(err) {
			d.connections.refused(key)
		}
		return reply{}, fmt.Errorf("query %s: %w", r.Address, brief(err))
	}
	samples, ok := value.(model.Vector)
	if !ok {
		return reply{}, fmt.Errorf("query %s: want a vector, not a %s", r.Address, value.Type())
	}
	return reply{samples, warned, at}, nil
}

// refusal reports whether the credentials were not good.
func refusal(err error) bool {
	var answered *v1.Error
	return errors.As(err, &answered) &&
		(strings.Contains(answered.Msg, strconv.Itoa(http.StatusUnauthorized)) || strings.Contains(answered.Msg, strconv.Itoa(http.StatusForbidden)))
}

// brief keeps what a server says from filling a status.
func brief(err error) error {
	const limit = 300
	if text := err.Error(); len(text) > limit {
		return errors.New(strings.ToValidUTF8(text[:limit], "") + "...")
	}
	return err
}

func (d *desk) remembered(flight string) (reply, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	got, ok := d.recent[flight]
	return got, ok && d.now().Sub(got.at) < shared
}

func (d *desk) remember(flight string, got reply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for other, old := range d.recent {
		if now.Sub(old.at) >= shared {
			delete(d.recent, other)
		}
	}
	d.recent[flight] = got
}
