package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// A player turns a tape: it holds the present frame and the next one, and counts what has gone by.
type player struct {
	tape  Tape
	until time.Time // the end; zero: of the tape
	keep  *Writer   // nil: frames are not written down
	whom  map[asking]plan.Use
	now   *Frame
	next  *Frame
	base  metric.Snapshot
	mu    sync.Mutex // queries are asked at once
	said  answers
	gone  Passed
	looks int
}

// Passed is what was counted up to some moment.
type Passed struct {
	At     time.Time `json:"at"`
	Stable Count     `json:"stable"`
	Canary Count     `json:"canary"`
}

// A Count is requests and how many of them failed.
type Count struct {
	Requests int64 `json:"requests"`
	Failures int64 `json:"failures"`
}

func (c Count) minus(b Count) Count { return Count{c.Requests - b.Requests, c.Failures - b.Failures} }

// rate of failures.
func (c Count) rate() float64 { return float64(c.Failures) / float64(max(c.Requests, 1)) }

// fetch makes the tape's next frame known.
func (p *player) fetch(ctx context.Context) error {
	f, err := p.tape.Next(ctx)
	if errors.Is(err, io.EOF) || err == nil && !p.until.IsZero() && f.At.After(p.until) {
		p.next = nil
		return nil
	}
	if err != nil {
		return err
	}
	p.next = &f
	return nil
}

// turn makes the next frame the present one.
func (p *player) turn(ctx context.Context) error {
	if err := p.leave(); err != nil {
		return err
	}
	p.now = p.next
	p.said.hear(*p.now)
	tracks, _ := metric.Increments(p.base, p.now.Snapshot)
	p.base = metric.Carry(p.base, p.now.Snapshot)
	p.gone.At = p.now.At
	p.gone.Stable.add(tracks[plan.Stable])
	p.gone.Canary.add(tracks[plan.Canary])
	return p.fetch(ctx)
}

// leave writes the present frame down, with what was answered by then.
func (p *player) leave() error {
	if p.keep == nil || p.now == nil {
		return nil
	}
	return p.keep.Write(*p.now)
}

func (c *Count) add(by judge.Counts) {
	c.Requests += requests(by)
	c.Failures += failures(by)
}

// Read answers every question with the present frame: metric.Store.
func (p *player) Read(_ context.Context, q metric.Question) (metric.Snapshot, error) {
	if p.now == nil {
		return metric.Snapshot{}, fmt.Errorf("nothing of %s was recorded before now", q.Target)
	}
	got := metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}, Problems: map[plan.TrackName]string{}}
	for track := range q.Tracks {
		counters, ok := p.now.Tracks[track]
		if ok {
			got.Tracks[track] = counters
		}
		if problem := p.now.Problems[track]; problem != "" {
			got.Problems[track] = problem
		} else if !ok {
			got.Problems[track] = "the recording has nothing of it"
		}
	}
	return got, nil
}

// watched shows a judge the weight that the traffic had when it was recorded.
func (p *player) watched(with func(plan.Use) (judge.Judge, error)) func(plan.Use) (judge.Judge, error) {
	return func(u plan.Use) (judge.Judge, error) {
		j, err := with(u)
		return shown{j, p}, err
	}
}

type shown struct {
	judge.Judge
	player *player
}

// Wants says whether the judge still has a use for a metric.
func (s shown) Wants(state judge.State, metric string) bool {
	w, chooses := s.Judge.(interface {
		Wants(judge.State, string) bool
	})
	return !chooses || w.Wants(state, metric)
}

// Look weighs one look.
func (s shown) Look(state judge.State, l judge.Look) (judge.State, plan.Verdict) {
	if l.T > 0 {
		s.player.looks++
		if w := s.player.now.Weight; w != nil {
			l.Weight = *w
		}
	}
	return s.Judge.Look(state, l)
}
