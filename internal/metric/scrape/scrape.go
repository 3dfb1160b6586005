package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Driver describes this store to the catalog.
var Driver = metric.Driver{
	Name:  "scrape",
	Check: Check,
	New:   func(metric.Env) (metric.Store, error) { return New(), nil },
}

const (
	bodyLimit  = 16 << 20 // bytes of one answer, unpacked
	atOnce     = 32       // instances of one question that are asked at the same time
	namedWorst = 3        // instances that one problem names
)

// A Store scrapes instances. It keeps nothing between two readings, not even connections.
type Store struct{ client *http.Client }

// New makes a store.
func New() *Store {
	return &Store{&http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A finding is what one instance answered.
type finding struct {
	track    plan.TrackName
	instance string
	counters metric.Counters
	doubt    string // read, but something is missing
	err      error
}

// Read asks all instances now. An instance without a URL is gone, and so is what it counted.
func (s *Store) Read(ctx context.Context, q metric.Question) (metric.Snapshot, error) {
	rules, err := decode(q.With)
	if err != nil {
		return metric.Snapshot{}, fmt.Errorf("scrape %s: %w", q.Target, err)
	}
	if err := ctx.Err(); err != nil {
		return metric.Snapshot{}, fmt.Errorf("scrape %s: %w", q.Target, err)
	}
	snapshot := gather(q, s.askAll(ctx, q, rules))
	if len(snapshot.Tracks) == 0 && len(snapshot.Problems) > 0 {
		return snapshot, fmt.Errorf("scrape %s: %w", q.Target, joined(snapshot.Problems))
	}
	return snapshot, nil
}

func joined(problems map[plan.TrackName]string) error {
	var errs []error
	for track, problem := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", track, problem))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// askAll asks all instances at once, within bounds, and returns when each has answered or failed.
func (s *Store) askAll(ctx context.Context, q metric.Question, rules *rulebook) []finding {
	var all []finding
	var urls []string
	for track, endpoints := range q.Tracks {
		for _, e := range endpoints {
			if e.URL != "" {
				all = append(all, finding{track: track, instance: e.Instance})
				urls = append(urls, e.URL)
			}
		}
	}
	var wait sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i := range all {
		turn <- struct{}{}
		wait.Go(func() {
			defer func() { <-turn }()
			all[i].counters, all[i].doubt, all[i].err = s.ask(ctx, urls[i], rules)
		})
	}
	wait.Wait()
	return all
}

// gather sorts the findings by track. A track of which something could be read is there, with its problem.
func gather(q metric.Question, all []finding) metric.Snapshot {
	snapshot := metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}}
	worst := map[plan.TrackName][]string{}
	doubts := map[plan.TrackName]string{}
	asked, doubtful := map[plan.TrackName]int{}, map[plan.TrackName]int{}
	for track := range q.Tracks {
		snapshot.Tracks[track] = map[string]metric.Counters{}
	}
	for _, f := range all {
		asked[f.track]++
		if f.err != nil {
			worst[f.track] = append(worst[f.track], fmt.Sprintf("%s: %v", f.instance, f.err))
			continue
		}
		snapshot.Tracks[f.track][f.instance] = f.counters
		if f.doubt != "" {
			doubtful[f.track]++
			doubts[f.track] = f.doubt
		}
	}
	for track, n := range asked {
		bad := worst[track]
		if len(bad) == n {
			delete(snapshot.Tracks, track)
		}
		switch {
		case len(bad) > 0:
			tell(&snapshot, track, list(bad, n))
		case doubtful[track] == n: // what one instance lacks may come with its first request
			tell(&snapshot, track, doubts[track])
		}
	}
	return snapshot
}

func list(bad []string, asked int) string {
	slices.Sort(bad)
	text := fmt.Sprintf("%d of %d instances cannot be read: %s", len(bad), asked, strings.Join(bad[:min(namedWorst, len(bad))], "; "))
	if len(bad) > namedWorst {
		text += "; ..."
	}
	return text
}

// ask reads one instance.
func (s *Store) ask(ctx context.Context, base string, rules *rulebook) (metric.Counters, string, error) {
	ctx, cancel := context.WithTimeout(ctx, rules.timeout)
	defer cancel()
	address, err := rules.address(base)
	if err != nil {
		return metric.Counters{}, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return metric.Counters{}, "", err
	}
	// In order of how much can be told: only protobuf carries native histograms everywhere.
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"+
		"application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.7,*/*;q=0.1")
	req.Header.Set("User-Agent", "serin")
	resp, err := s.client.Do(req)
	if err != nil {
		return metric.Counters{}, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return metric.Counters{}, "", fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	if err != nil {
		return metric.Counters{}, "", fmt.Errorf("GET %s: %w", address, err)
	}
	if len(body) > bodyLimit {
		return metric.Counters{}, "", fmt.Errorf("GET %s: the answer is longer than %d MiB", address, bodyLimit>>20)
	}
	counters, doubt, err := parse(body, resp.Header.Get("Content-Type"), rules)
	if err != nil {
		return metric.Counters{}, "", fmt.Errorf("GET %s: %w", address, err)
	}
	return counters, doubt, nil
}

// address is where an instance keeps its metrics.
func (b *rulebook) address(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not the URL of an instance", base)
	}
	if b.port != 0 {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(b.port))
	}
	path, query, _ := strings.Cut(b.path, "?")
	u.Path, u.RawQuery = path, query
	return u.String(), nil
}

func tell(s *metric.Snapshot, track plan.TrackName, problem string) {
	if s.Problems == nil {
		s.Problems = map[plan.TrackName]string{}
	}
	s.Problems[track] = problem
}
