package execution

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	judge "serin.dev/serin/internal/judge/kayenta"
)

// The types of stages. Fetches are named after their metric store, as Kayenta's are.
const (
	setupType   = "setupCanary"
	fetchType   = "prometheusFetch"
	mixType     = "metricSetMixer"
	judgeType   = "canaryJudge"
	compareType = "compareJudgeResults"
	outerType   = "setupAndExecuteCanariesStage"
	waitType    = "wait"
	runType     = "runCanary"
	gatherType  = "generateCanaryAnalysisResultStage"
)

const (
	attemptsMost   = 10 // of one stage, as Kayenta's
	fetchesAtOnce  = 4
	canaryPatience = 2 * time.Hour
	// runPatience is Orca's patience with a canary.
	runPatience = 12 * time.Hour
)

// An outcome is what became of a stage: it is done, or to be looked at again.
type outcome struct {
	again     time.Time // zero: done
	output    string
	execution string
	warnings  []string
	score     *float64
	stop      bool // the stage failed by its score, which ends the execution without an error
}

// work goes on with an execution, stage by stage, and returns when it is to be gone on with; zero is never.
func (r *Runner) work(ctx context.Context, id string) (time.Time, error) {
	o, err := r.journal.order(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	for ctx.Err() == nil {
		p, _ := r.progress(id)
		now := r.Now()
		switch {
		case p.Status.Over():
			return r.archive(ctx, o, p)
		case p.Status == NotStarted:
			err = r.change(ctx, id, func(p *Progress) { r.start(p, o, now) })
		case !now.Before(p.Deadline):
			err = r.fail(ctx, o, "", fmt.Errorf("it was not over by its deadline, %s", iso(p.Deadline)))
		default:
			var again time.Time
			if again, err = r.stages(ctx, o, p); err == nil && !again.IsZero() {
				return again, nil
			}
		}
		if err != nil && !errors.Is(err, errOver) {
			return time.Time{}, err
		}
	}
	return time.Time{}, ctx.Err()
}

// start lays the stages out.
func (r *Runner) start(p *Progress, o Order, now time.Time) {
	p.Status, p.Started = Running, now
	p.Deadline = now.Add(canaryPatience)
	add := func(ref, kind, name string, until time.Time) {
		p.Stages = append(p.Stages, Stage{Ref: ref, Type: kind, Name: name, Status: NotStarted, Until: until})
	}
	switch o.Kind {
	case Canary:
		add("setupContext", setupType, "Setup Canary", time.Time{})
		for _, side := range []string{"fetchControl", "fetchExperiment"} {
			for i := range o.Config.Metrics {
				add(fmt.Sprint(side, i), fetchType, fmt.Sprint(side, i), time.Time{})
			}
		}
		add("mixMetrics", mixType, "Mix Control and Experiment Results", time.Time{})
		add("judge", judgeType, "Perform Analysis", time.Time{})
	case Comparison:
		add("compareJudgeResults", compareType, "Compare Judge Results", time.Time{})
	case Analysis:
		r.startAnalysis(p, o, now, add)
	}
}

// stages does what comes next, and says when to come back; zero is at once.
func (r *Runner) stages(ctx context.Context, o Order, p Progress) (time.Time, error) {
	left := p.left()
	if len(left) == 0 {
		return time.Time{}, r.change(ctx, o.ID, func(p *Progress) { p.end(Succeeded, r.Now(), nil) })
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(fetchesAtOnce)
	again := p.Deadline
	ready := 0
	for _, s := range left {
		if r.waits(s) {
			if s.Until.Before(again) {
				again = s.Until
			}
			continue
		}
		ready++
		group.Go(func() error { return r.stage(within, o, s) })
	}
	if err := group.Wait(); err != nil || ready > 0 {
		return time.Time{}, err
	}
	return again, nil
}

// waits reports whether the time of a stage has not come, or the canary it runs is not over.
func (r *Runner) waits(s Stage) bool {
	if s.Execution != "" {
		c, known := r.progress(s.Execution)
		return known && !c.Status.Over()
	}
	return s.Until.After(r.Now())
}

// stage does one stage and records what became of it.
func (r *Runner) stage(ctx context.Context, o Order, s Stage) error {
	if s.Status == NotStarted {
		err := r.change(ctx, o.ID, func(p *Progress) {
			at := p.stage(s.Ref)
			at.Status, at.Started = Running, r.Now()
		})
		if err != nil {
			return err
		}
	}
	done, err := r.do(ctx, o, s)
	var later Later
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the process ends, or the execution was cancelled: this is no failure of the stage
	case errors.As(err, &later) && s.Attempts+1 < attemptsMost:
		pause := time.Duration(math.Pow(2, float64(s.Attempts))) * time.Second
		r.Log.Warn("stage will be tried again", "execution", o.ID, "stage", s.Ref, "in", pause, "error", err)
		return r.change(ctx, o.ID, func(p *Progress) {
			at := p.stage(s.Ref)
			at.Attempts, at.Until = s.Attempts+1, r.Now().Add(pause)
		})
	case err != nil:
		return r.fail(ctx, o, s.Ref, err)
	}
	return r.change(ctx, o.ID, func(p *Progress) {
		p.stage(s.Ref).take(done, r.Now())
		if done.stop {
			p.end(Terminal, r.Now(), nil)
		}
	})
}

// take notes an outcome.
func (s *Stage) take(done outcome, now time.Time) {
	if done.execution != "" {
		s.Execution = done.execution
	}
	if s.Until = done.again; !done.again.IsZero() {
		return
	}
	s.Status, s.Ended, s.Output, s.Warnings, s.Score = Succeeded, now, done.output, done.warnings, done.score
	if done.stop {
		s.Status = Terminal
	}
}

// fail ends an execution with an error; what it answers is errOver, so that nothing goes on.
func (r *Runner) fail(ctx context.Context, o Order, ref string, why error) error {
	r.Log.Warn("execution failed", "execution", o.ID, "stage", ref, "error", why)
	if o.Kind == Analysis {
		if err := r.gather(ctx, o, why.Error()); err != nil {
			return err
		}
	}
	p, _ := r.progress(o.ID)
	err := r.change(ctx, o.ID, func(p *Progress) {
		now := r.Now()
		if s := p.stage(ref); s != nil {
			s.Status, s.Ended = Terminal, now
		}
		p.end(Terminal, now, exception("IllegalArgumentException", ref, why.Error(), now))
	})
	if err != nil {
		return err
	}
	return errors.Join(errOver, r.cancelParts(ctx, p))
}

// do is the work of one stage.
func (r *Runner) do(ctx context.Context, o Order, s Stage) (outcome, error) {
	switch s.Type {
	case fetchType:
		return r.fetch(ctx, o, s)
	case mixType:
		return r.mix(ctx, o)
	case judgeType:
		return r.judge(ctx, o)
	case compareType:
		return r.compare(ctx, o)
	case runType:
		return r.run(ctx, o, s)
	case gatherType:
		return outcome{}, r.gather(ctx, o, "")
	}
	return outcome{}, nil // setup and waits are done when their time has come
}

// product is the id of what a stage leaves: it follows from the execution and the stage.
func product(execution, ref string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("serin kayenta "+execution+" "+ref)).String()
}

// judgeNamed judges with a judge of that name; "" is the config's.
func judgeNamed(name string, c judge.Config, pairs []judge.Pair, t judge.Thresholds) (judge.Result, error) {
	if name != "" {
		c.Judge = &judge.Choice{Name: name}
	}
	return judge.Judge(c, pairs, t)
}
