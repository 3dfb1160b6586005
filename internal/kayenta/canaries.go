package kayenta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

// adHoc is how executions are called whose config came with the request.
const adHoc = "ad-hoc"

// order begins an order with the accounts that a request names.
func (s *Service) order(r *http.Request, kind execution.Kind) (execution.Order, error) {
	o := execution.Order{
		Kind: kind, Application: param(r, "application"), User: param(r, "user"), Parent: param(r, "parentPipelineExecutionId"),
	}
	var err error
	if o.MetricsAccount, err = s.accounts.resolve(param(r, "metricsAccountName"), MetricsStore); err != nil {
		return o, err
	}
	o.StorageAccount, err = s.accounts.resolve(param(r, "storageAccountName"), ObjectStore)
	return o, err
}

// configured adds the stored config that the path names.
func (s *Service) configured(r *http.Request, o *execution.Order) (err error) {
	o.ConfigID = r.PathValue("id")
	o.Config, o.ConfigurationAccount, err = s.config(r, o.ConfigID)
	return err
}

func (s *Service) startCanary(r *http.Request) (any, error) {
	o, err := s.order(r, execution.Canary)
	if err != nil {
		return nil, err
	}
	o.Request = &execution.Request{}
	if err := read(r, orderMost, o.Request); err != nil {
		return nil, err
	}
	if err := s.configured(r, &o); err != nil {
		return nil, err
	}
	o.Application = cmp.Or(o.Application, "kayenta-"+s.instance)
	o.Parent = cmp.Or(o.Parent, "no-parent-pipeline-execution")
	return s.begin(r.Context(), o, "canaryExecutionId")
}

func (s *Service) startAdHocCanary(r *http.Request) (any, error) {
	o, err := s.order(r, execution.Canary)
	if err != nil {
		return nil, err
	}
	var given struct {
		Config  json.RawMessage    `json:"canaryConfig"`
		Request *execution.Request `json:"executionRequest"`
	}
	if err := read(r, orderMost, &given); err != nil {
		return nil, err
	}
	if o.Config, err = provided(given.Config, given.Request != nil); err != nil {
		return nil, err
	}
	o.ConfigID, o.Request = adHoc, given.Request
	o.Application, o.Parent = cmp.Or(o.Application, adHoc), cmp.Or(o.Parent, adHoc)
	return s.begin(r.Context(), o, "canaryExecutionId")
}

func (s *Service) begin(ctx context.Context, o execution.Order, key string) (any, error) {
	id, err := s.runner.Begin(ctx, o)
	if err != nil {
		return nil, err
	}
	return map[string]string{key: id}, nil
}

func (s *Service) getCanary(r *http.Request) (any, error) {
	id := r.PathValue("id")
	status, err := s.runner.Canary(r.Context(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return s.archived(r, storage.Results, id)
	}
	return status, err
}

// archived looks an execution up that is known no longer.
func (s *Service) archived(r *http.Request, k storage.Kind, id string) (any, error) {
	store, err := s.objects(r)
	if err != nil {
		return nil, err
	}
	data, err := store.Get(r.Context(), k, id)
	return raw(data), err
}

func (s *Service) listCanaries(r *http.Request) (any, error) {
	application := cmp.Or(r.PathValue("application"), param(r, "application"), adHoc)
	page, err := positive(r, "page", 1, 1_000_000)
	if err != nil {
		return nil, err
	}
	limit, err := positive(r, "limit", 20, 200)
	if err != nil {
		return nil, err
	}
	return s.runner.Canaries(r.Context(), application, texts(r, "statuses"), page, limit)
}

func (s *Service) cancel(r *http.Request) (any, error) {
	return map[string]string{}, s.runner.Cancel(r.Context(), r.PathValue("id"))
}

// positive reads a whole number above zero; one over the most is the most.
func positive(r *http.Request, name string, standard, most int) (int, error) {
	text := param(r, name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid("%s: want a whole number above 0", name)
	}
	return min(n, most), nil
}

// texts reads a parameter that may be given several times, or as a list with commas.
func texts(r *http.Request, name string) []string {
	var all []string
	for _, v := range r.URL.Query()[name] {
		for text := range strings.SplitSeq(v, ",") {
			if text != "" {
				all = append(all, text)
			}
		}
	}
	return all
}
