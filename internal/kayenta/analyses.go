package kayenta

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

func (s *Service) startAnalysis(r *http.Request) (any, error) {
	o, err := s.order(r, execution.Analysis)
	if err != nil {
		return nil, err
	}
	o.AnalysisRequest = &execution.AnalysisRequest{}
	if err := read(r, orderMost, o.AnalysisRequest); err != nil {
		return nil, err
	}
	if err := s.configured(r, &o); err != nil {
		return nil, err
	}
	return s.beginAnalysis(r, o)
}

func (s *Service) startAdHocAnalysis(r *http.Request) (any, error) {
	o, err := s.order(r, execution.Analysis)
	if err != nil {
		return nil, err
	}
	var given struct {
		Config  json.RawMessage            `json:"canaryConfig"`
		Request *execution.AnalysisRequest `json:"executionRequest"`
	}
	if err := read(r, orderMost, &given); err != nil {
		return nil, err
	}
	if o.Config, err = provided(given.Config, given.Request != nil); err != nil {
		return nil, err
	}
	o.AnalysisRequest = given.Request
	return s.beginAnalysis(r, o)
}

func (s *Service) beginAnalysis(r *http.Request, o execution.Order) (any, error) {
	o.User, o.Application = cmp.Or(o.User, "anonymous"), cmp.Or(o.Application, adHoc)
	return s.begin(r.Context(), o, "canaryAnalysisExecutionId")
}

// provided reads the config that a request brings, which must have both parts.
func provided(config json.RawMessage, request bool) (judge.Config, error) {
	switch {
	case len(config) == 0 || string(config) == "null":
		return judge.Config{}, invalid("canaryConfig must be provided for ad-hoc requests")
	case !request:
		return judge.Config{}, invalid("executionRequest must be provided for ad-hoc requests")
	}
	c, err := judge.ReadConfig(config)
	if err != nil {
		return judge.Config{}, invalid("%v", err)
	}
	return c, nil
}

func (s *Service) getAnalysis(r *http.Request) (any, error) {
	id := r.PathValue("id")
	status, err := s.runner.Analysis(r.Context(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return s.archived(r, storage.AnalysisResults, id)
	}
	return status, err
}
