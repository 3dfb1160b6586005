package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// fetch asks for one metric of one side and stores what came.
func (r *Runner) fetch(ctx context.Context, o Order, s Stage) (outcome, error) {
	number, control := strings.CutPrefix(s.Ref, "fetchControl")
	if !control {
		number = strings.TrimPrefix(s.Ref, "fetchExperiment")
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(o.Config.Metrics) {
		return outcome{}, fmt.Errorf("fetch %s: there is no such metric", s.Ref)
	}
	m := o.Config.Metrics[i]
	scope := o.Request.Scopes[m.ScopeName].Experiment
	if control {
		scope = o.Request.Scopes[m.ScopeName].Control
	}
	sets, err := r.Fetch(ctx, o.MetricsAccount, o.Config, m, *scope)
	if err != nil {
		return outcome{}, fmt.Errorf("fetch metric %q: %w", m.Name, err)
	}
	id := product(o.ID, s.Ref)
	return outcome{output: id}, r.put(ctx, o, storage.MetricSets, id, sets)
}

// mix pairs what was fetched.
func (r *Runner) mix(ctx context.Context, o Order) (outcome, error) {
	p, _ := r.progress(o.ID)
	var control, experiment []judge.MetricSet
	for _, s := range p.Stages {
		if s.Type != fetchType {
			continue
		}
		var sets []judge.MetricSet
		if err := r.get(ctx, o, storage.MetricSets, s.Output, &sets); err != nil {
			return outcome{}, err
		}
		if strings.HasPrefix(s.Ref, "fetchControl") {
			control = append(control, sets...)
		} else {
			experiment = append(experiment, sets...)
		}
	}
	pairs, err := judge.Mix(o.Config.Metrics, control, experiment)
	if err != nil {
		return outcome{}, err
	}
	id := product(o.ID, "mixMetrics")
	return outcome{output: id}, r.put(ctx, o, storage.MetricSetPairs, id, pairs)
}

// judge judges the pairs.
func (r *Runner) judge(ctx context.Context, o Order) (outcome, error) {
	p, _ := r.progress(o.ID)
	var pairs []judge.Pair
	if err := r.get(ctx, o, storage.MetricSetPairs, p.stage("mixMetrics").Output, &pairs); err != nil {
		return outcome{}, err
	}
	result, err := judge.Judge(o.Config, pairs, o.Thresholds)
	if err != nil {
		return outcome{}, err
	}
	score := float64(result.Score.Score)
	return outcome{score: &score}, r.journal.write(ctx, recordedResults, o.ID, result)
}

// compare judges the same pairs twice.
func (r *Runner) compare(ctx context.Context, o Order) (outcome, error) {
	var pairs []judge.Pair
	if err := r.get(ctx, o, storage.MetricSetPairs, o.Comparison.Pairs, &pairs); err != nil {
		return outcome{}, err
	}
	both := map[string]judge.Result{}
	for key, name := range map[string]string{"judge1Result": o.Comparison.First, "judge2Result": o.Comparison.Second} {
		result, err := judgeNamed(name, o.Config, pairs, o.Thresholds)
		if err != nil {
			return outcome{}, err
		}
		both[key] = result
	}
	return outcome{}, r.journal.write(ctx, recordedResults, o.ID, both)
}

// put stores an object of an execution. A store in trouble is asked again.
func (r *Runner) put(ctx context.Context, o Order, k storage.Kind, id string, v any) error {
	store, err := r.Objects(o.StorageAccount)
	if err != nil {
		return err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", k, id, err)
	}
	if err := store.Put(ctx, k, id, k.File(id), data); err != nil && !errors.Is(err, storage.ErrInvalid) {
		return Later{err}
	} else if err != nil {
		return err
	}
	return nil
}

func (r *Runner) get(ctx context.Context, o Order, k storage.Kind, id string, into any) error {
	store, err := r.Objects(o.StorageAccount)
	if err != nil {
		return err
	}
	data, err := store.Get(ctx, k, id)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrInvalid):
		return err
	case err != nil:
		return Later{err}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s %s: %w", k, id, err)
	}
	return nil
}
