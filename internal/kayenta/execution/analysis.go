package execution

import (
	"context"
	"errors"
	"fmt"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// startAnalysis lays out waits and runs. A wait ends with the window of its run, at a moment that is recorded now: neither a
// restart nor a slow judgement moves it.
func (r *Runner) startAnalysis(p *Progress, o Order, now time.Time, add func(ref, kind, name string, until time.Time)) {
	a := o.AnalysisRequest
	add("setup", outerType, "Sets up and executes the wait, run and monitor canary task chain.", time.Time{})
	table, err := a.timetable(now)
	if err != nil { // it was checked when it was ordered
		p.end(Terminal, now, exception("IllegalArgumentException", "setup", err.Error(), now))
		return
	}
	last := now.Add(table.Warmup)
	if table.Warmup > 0 {
		add("warmup", waitType, "Warmup Wait", last)
	}
	for i, run := range table.Runs {
		if run.Wait > 0 {
			last = run.Experiment.End
			add(fmt.Sprint("wait", i+1), waitType, fmt.Sprint("Interval Wait #", i+1), last)
		}
		add(runRef(i), runType, fmt.Sprint("Run Canary #", i+1), time.Time{})
	}
	add(gatherRef, gatherType, "Aggregates and evaluates the canary executions and generates the final results.", time.Time{})
	p.Deadline = last.Add(runPatience)
}

// gatherRef is the stage that sums up.
const gatherRef = "result"

func runRef(i int) string { return fmt.Sprint("run", i+1) }

// run begins the canary of one run, or finds it begun, and waits for it to be over.
func (r *Runner) run(ctx context.Context, o Order, s Stage) (outcome, error) {
	id := product(o.ID, s.Ref)
	c, known := r.progress(id)
	if !known {
		if err := r.begin(ctx, o.canary(id, s, r)); err != nil && !errors.Is(err, storage.ErrExists) {
			return outcome{}, Later{err}
		}
		return outcome{execution: id, again: r.Now().Add(runPatience)}, nil
	}
	switch c.Status {
	case NotStarted, Running:
		return outcome{execution: id, again: r.Now().Add(runPatience)}, nil
	case Canceled, Terminal:
		return outcome{}, errors.New(c.text())
	}
	var result judge.Result
	if err := r.journal.read(ctx, recordedResults, id, &result); err != nil {
		return outcome{}, err
	}
	score := float64(result.Score.Score)
	done := outcome{execution: id, score: &score, warnings: warnings(result), stop: judge.Stops(score, o.Thresholds)}
	if done.stop {
		return done, r.gatherWith(ctx, o, s.Ref, done)
	}
	return done, nil
}

// text says why an execution has no result, as Orca and Kayenta do.
func (p Progress) text() string {
	if p.Status == Canceled {
		return "Canary execution was canceled."
	}
	if p.Exception != nil && len(p.Exception.Details.Errors) > 0 {
		return p.Exception.Details.Errors[0]
	}
	return "the canary execution failed"
}

// canary is the order of one run.
func (o Order) canary(id string, s Stage, r *Runner) Order {
	p, _ := r.progress(o.ID)
	table, err := o.AnalysisRequest.timetable(p.Started)
	run := judge.Run{}
	for i := range table.Runs {
		if err == nil && runRef(i) == s.Ref {
			run = table.Runs[i]
		}
	}
	c := o
	c.ID, c.Kind, c.Analysis, c.AnalysisRequest, c.Built = id, Canary, o.ID, nil, r.Now()
	c.Request = o.AnalysisRequest.request(run)
	return c
}

// fewPoints is below how many points of the control Kayenta warns.
const fewPoints = 50

func warnings(result judge.Result) []string {
	for _, a := range result.Results {
		if a.ControlMetadata.Stats.Count < fewPoints {
			return []string{"One of the metrics returned fewer than 50 data points, which can reduce confidence in the final canary score."}
		}
	}
	return nil
}

// gather sums the runs up and records the result of the analysis. A reason says that a run had no result.
func (r *Runner) gather(ctx context.Context, o Order, reason string) error {
	return r.summarize(ctx, o, reason, func(*Progress) {})
}

// gatherWith does so when a run that is not yet recorded ends the analysis.
func (r *Runner) gatherWith(ctx context.Context, o Order, ref string, done outcome) error {
	return r.summarize(ctx, o, "", func(p *Progress) { p.stage(ref).take(done, r.Now()) })
}

func (r *Runner) summarize(ctx context.Context, o Order, reason string, also func(*Progress)) error {
	p, _ := r.progress(o.ID)
	also(&p)
	result := AnalysisResult{Scores: []float64{}, Runs: []RunResult{}}
	for _, s := range p.Stages {
		if s.Type != runType || s.Execution == "" {
			continue
		}
		run, err := r.runResult(ctx, s)
		if err != nil {
			return err
		}
		score := 0.0 // as in Kayenta, of a run without a result
		if s.Score != nil {
			score = *s.Score
		}
		result.Scores = append(result.Scores, score)
		result.Runs = append(result.Runs, run)
		result.HasWarnings = result.HasWarnings || len(s.Warnings) > 0
	}
	decision := judge.Decide(result.Scores, o.Thresholds)
	if len(result.Scores) == 0 {
		decision.Message = "There were no successful canary judgements to aggregate"
	}
	if reason != "" {
		decision.Passed = false
		if len(result.Scores) > 0 {
			decision.Message = "A canary judgement had no result: " + reason
		}
	}
	result.Passed, result.Message = decision.Passed, decision.Message
	result.Times = r.times(o.Built, p.Started, r.Now())
	return r.journal.write(ctx, recordedResults, o.ID, result)
}

func (r *Runner) runResult(ctx context.Context, s Stage) (RunResult, error) {
	status, err := r.Canary(ctx, s.Execution)
	if err != nil {
		return RunResult{}, err
	}
	run := RunResult{
		ExecutionID: s.Execution, Status: Status(upper(status.Status)), Exception: status.Exception, Result: status.Result,
		Warnings: s.Warnings, PairList: status.PairList, Times: status.Times,
		StorageAccount: status.StorageAccount, ConfigurationAccount: status.ConfigurationAccount,
	}
	if run.Warnings == nil {
		run.Warnings = []string{}
	}
	if start, end, ok := status.Request.window(); ok {
		run.From, run.FromMillis, run.To, run.ToMillis = iso(start), start.UnixMilli(), iso(end), end.UnixMilli()
	}
	return run, nil
}
