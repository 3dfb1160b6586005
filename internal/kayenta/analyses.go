package kayenta

import (
	"cmp"
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
		Config  *judge.Config              `json:"canaryConfig"`
		Request *execution.AnalysisRequest `json:"executionRequest"`
	}
	if err := read(r, orderMost, &given); err != nil {
		return nil, err
	}
	if err := provided(given.Config, given.Request != nil); err != nil {
		return nil, err
	}
	o.Config, o.AnalysisRequest = *given.Config, given.Request
	return s.beginAnalysis(r, o)
}

func (s *Service) beginAnalysis(r *http.Request, o execution.Order) (any, error) {
	o.User, o.Application = cmp.Or(o.User, "anonymous"), cmp.Or(o.Application, adHoc)
	return s.begin(r.Context(), o, "canaryAnalysisExecutionId")
}

// provided asks for both parts of a request that brings its config.
func provided(c *judge.Config, request bool) error {
	switch {
	case c == nil:
		return invalid("canaryConfig must be provided for ad-hoc requests")
	case !request:
		return invalid("executionRequest must be provided for ad-hoc requests")
	}
	return nil
}

func (s *Service) getAnalysis(r *http.Request) (any, error) {
	id := r.PathValue("id")
	status, err := s.runner.Analysis(r.Context(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return s.archived(r, storage.AnalysisResults, id)
	}
	return status, err
}
