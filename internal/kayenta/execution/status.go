package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// Times are when an execution was ordered, begun and over.
type Times struct {
	BuildMillis int64  `json:"buildTimeMillis,omitempty"`
	Build       string `json:"buildTimeIso,omitempty"`
	StartMillis int64  `json:"startTimeMillis,omitempty"`
	Start       string `json:"startTimeIso,omitempty"`
	EndMillis   int64  `json:"endTimeMillis,omitempty"`
	End         string `json:"endTimeIso,omitempty"`
}

// A CanaryStatus is what is told of a canary, Kayenta's CanaryExecutionStatusResponse.
type CanaryStatus struct {
	Application string            `json:"application"`
	Parent      string            `json:"parentPipelineExecutionId,omitempty"`
	PipelineID  string            `json:"pipelineId"`
	Stages      map[string]string `json:"stageStatus"`
	Complete    bool              `json:"complete"`
	Status      string            `json:"status"` // lower case
	Exception   *Exception        `json:"exception,omitempty"`
	Result      *CanaryResult     `json:"result,omitempty"`
	Config      judge.Config      `json:"config"`
	ConfigID    string            `json:"canaryConfigId,omitempty"`
	Request     *Request          `json:"canaryExecutionRequest,omitempty"`
	PairList    string            `json:"metricSetPairListId,omitempty"`
	Times
	StorageAccount       string `json:"storageAccountName,omitempty"`
	MetricsAccount       string `json:"metricsAccountName,omitempty"`
	ConfigurationAccount string `json:"configurationAccountName,omitempty"`
}

// A CanaryResult is what a canary found. Application and request are repeated for older clients, which look here.
type CanaryResult struct {
	Application string       `json:"application"`
	Judge       judge.Result `json:"judgeResult"`
	Request     *Request     `json:"canaryExecutionRequest,omitempty"`
	Duration    string       `json:"canaryDuration,omitempty"` // ISO: "PT1H30M"
}

// An AnalysisStatus is what is told of an analysis, Kayenta's CanaryAnalysisExecutionStatusResponse.
type AnalysisStatus struct {
	Application     string           `json:"application"`
	User            string           `json:"user"`
	Parent          string           `json:"parentPipelineExecutionId,omitempty"`
	PipelineID      string           `json:"pipelineId"`
	Stages          []StageStatus    `json:"stageStatus"`
	Complete        bool             `json:"complete"`
	ExecutionStatus Status           `json:"executionStatus"`
	Status          string           `json:"status"` // lower case
	Exception       *Exception       `json:"exception,omitempty"`
	Result          *AnalysisResult  `json:"canaryAnalysisExecutionResult,omitempty"`
	Request         *AnalysisRequest `json:"canaryAnalysisExecutionRequest"`
	Config          judge.Config     `json:"canaryConfig"`
	ConfigID        string           `json:"canaryConfigId,omitempty"`
	Times
	StorageAccount       string `json:"storageAccountName"`
	MetricsAccount       string `json:"metricsAccountName"`
	ConfigurationAccount string `json:"configurationAccountName,omitempty"`
}

// A StageStatus is one stage of an analysis.
type StageStatus struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Status      Status `json:"status"`
	ExecutionID string `json:"executionId,omitempty"`
}

// An AnalysisResult sums the runs of an analysis up.
type AnalysisResult struct {
	Passed      bool        `json:"didPassThresholds"`
	HasWarnings bool        `json:"hasWarnings"`
	Message     string      `json:"canaryScoreMessage"`
	Scores      []float64   `json:"canaryScores"`
	Runs        []RunResult `json:"canaryExecutionResults"`
	Times
}

// A RunResult is one run of an analysis.
type RunResult struct {
	ExecutionID string        `json:"executionId"`
	Status      Status        `json:"executionStatus"`
	Exception   *Exception    `json:"exception,omitempty"`
	Result      *CanaryResult `json:"result,omitempty"`
	From        string        `json:"judgementStartTimeIso,omitempty"`
	FromMillis  int64         `json:"judgementStartTimeMillis,omitempty"`
	To          string        `json:"judgementEndTimeIso,omitempty"`
	ToMillis    int64         `json:"judgementEndTimeMillis,omitempty"`
	Warnings    []string      `json:"warnings"`
	PairList    string        `json:"metricSetPairListId,omitempty"`
	Times
	StorageAccount       string `json:"storageAccountName,omitempty"`
	ConfigurationAccount string `json:"configurationAccountName,omitempty"`
}

// A ComparisonStatus is what is told of a comparison.
type ComparisonStatus struct {
	Result     json.RawMessage       `json:"comparisonResult,omitempty"`
	Exceptions map[string]*Exception `json:"exceptions,omitempty"`
}

func upper(s string) string { return strings.ToUpper(s) }

func (r *Runner) times(built, started, ended time.Time) (t Times) {
	for _, one := range []struct {
		at     time.Time
		millis *int64
		text   *string
	}{{built, &t.BuildMillis, &t.Build}, {started, &t.StartMillis, &t.Start}, {ended, &t.EndMillis, &t.End}} {
		if !one.at.IsZero() {
			*one.millis, *one.text = one.at.UnixMilli(), iso(one.at)
		}
	}
	return t
}

// find reads an execution of a kind.
func (r *Runner) find(ctx context.Context, id string, kind Kind) (Order, Progress, error) {
	e := r.entry(id)
	if e == nil || e.head.Kind != kind {
		return Order{}, Progress{}, ErrNotFound
	}
	p, _ := r.progress(id)
	o, err := r.journal.order(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		err = ErrNotFound // it was forgotten meanwhile
	}
	return o, p, err
}

// Canary tells of a canary.
func (r *Runner) Canary(ctx context.Context, id string) (CanaryStatus, error) {
	o, p, err := r.find(ctx, id, Canary)
	if err != nil {
		return CanaryStatus{}, err
	}
	s := CanaryStatus{
		Application: o.Application, Parent: o.Parent, PipelineID: o.ID, Stages: map[string]string{},
		Complete: p.Status.Over(), Status: strings.ToLower(string(p.Status)), Exception: p.Exception,
		Config: o.Config, ConfigID: o.ConfigID, Request: o.Request, Times: r.times(o.Built, p.Started, p.Ended),
		StorageAccount: o.StorageAccount, MetricsAccount: o.MetricsAccount, ConfigurationAccount: o.ConfigurationAccount,
	}
	for _, stage := range p.Stages {
		s.Stages[stage.Ref] = strings.ToLower(string(stage.Status))
		if stage.Type == mixType {
			s.PairList = stage.Output
		}
	}
	if p.Status == Succeeded {
		s.Result = &CanaryResult{Application: o.Application, Request: o.Request}
		if start, end, ok := o.Request.window(); ok {
			s.Result.Duration = period(end.Sub(start))
		}
		if err := r.journal.read(ctx, recordedResults, id, &s.Result.Judge); err != nil {
			return CanaryStatus{}, err
		}
	}
	return s, nil
}

// Analysis tells of an analysis.
func (r *Runner) Analysis(ctx context.Context, id string) (AnalysisStatus, error) {
	o, p, err := r.find(ctx, id, Analysis)
	if err != nil {
		return AnalysisStatus{}, err
	}
	s := AnalysisStatus{
		Application: o.Application, User: o.User, Parent: o.Parent, PipelineID: o.ID, Stages: []StageStatus{},
		Complete: p.Status.Over(), ExecutionStatus: p.Status, Status: strings.ToLower(string(p.Status)), Exception: p.Exception,
		Request: o.AnalysisRequest, Config: o.Config, ConfigID: o.ConfigID, Times: r.times(o.Built, p.Started, p.Ended),
		StorageAccount: o.StorageAccount, MetricsAccount: o.MetricsAccount, ConfigurationAccount: o.ConfigurationAccount,
	}
	for _, stage := range p.Stages {
		if stage.Type == outerType { // it holds all the others
			stage.Status = p.Status
		}
		s.Stages = append(s.Stages, StageStatus{stage.Type, stage.Name, stage.Status, stage.Execution})
	}
	if p.Status.Over() {
		s.Result = &AnalysisResult{}
		if err := r.journal.read(ctx, recordedResults, id, s.Result); errors.Is(err, storage.ErrNotFound) {
			s.Result = nil // it was cancelled
		} else if err != nil {
			return AnalysisStatus{}, err
		}
	}
	return s, nil
}

// Comparison tells of a comparison of judges.
func (r *Runner) Comparison(ctx context.Context, id string) (ComparisonStatus, error) {
	_, p, err := r.find(ctx, id, Comparison)
	if err != nil {
		return ComparisonStatus{}, err
	}
	s := ComparisonStatus{}
	if p.Exception != nil {
		s.Exceptions = map[string]*Exception{"Compare Judge Results": p.Exception}
	}
	if p.Status == Succeeded {
		err = r.journal.read(ctx, recordedResults, id, &s.Result)
	}
	return s, err
}

// Canaries tells of the canaries of an application, the newest first. No statuses are all statuses.
func (r *Runner) Canaries(ctx context.Context, application string, statuses []string, page, limit int) ([]CanaryStatus, error) {
	var heads []Head
	r.mu.Lock()
	for _, e := range r.all {
		if e.head.Kind == Canary && e.head.Application == application &&
			(len(statuses) == 0 || slices.ContainsFunc(statuses, func(s string) bool { return strings.EqualFold(s, string(e.progress.Status)) })) {
			heads = append(heads, e.head)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(heads, newestFirst)
	from := min(len(heads), (page-1)*limit)
	all := []CanaryStatus{}
	for _, h := range heads[from:min(len(heads), from+limit)] {
		s, err := r.Canary(ctx, h.ID)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func newestFirst(a, b Head) int {
	if c := b.Built.Compare(a.Built); c != 0 {
		return c
	}
	return strings.Compare(b.ID, a.ID)
}

// window is the time that a request is about: that of its first experiment, by name.
func (q *Request) window() (start, end time.Time, ok bool) {
	if q == nil || len(q.Scopes) == 0 {
		return start, end, false
	}
	s := q.Scopes[slices.Min(slices.Collect(maps.Keys(q.Scopes)))].Experiment
	return s.Start.Time, s.End.Time, true
}

// period writes a duration as Java does: "PT1H30M", "PT0S".
func period(d time.Duration) string {
	text := "PT"
	if h := d / time.Hour; h > 0 {
		text += fmt.Sprintf("%dH", h)
	}
	if m := d % time.Hour / time.Minute; m > 0 {
		text += fmt.Sprintf("%dM", m)
	}
	if s := (d % time.Minute).Seconds(); s > 0 || text == "PT" {
		text += fmt.Sprintf("%gS", s)
	}
	return text
}
