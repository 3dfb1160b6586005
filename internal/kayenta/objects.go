package kayenta

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// objects is the store of results that a request names.
func (s *Service) objects(r *http.Request) (storage.Store, error) {
	account, err := s.accounts.resolve(param(r, "storageAccountName", "accountName"), ObjectStore)
	if err != nil {
		return nil, err
	}
	return s.accounts.store(account)
}

// A shelf serves the stored objects of one kind.
type shelf struct {
	service *Service
	kind    storage.Kind
	key     string             // of the id in answers
	check   func([]byte) error // what is stored must be read again
}

func (h shelf) list(r *http.Request) (any, error) {
	store, err := h.service.objects(r)
	if err != nil {
		return nil, err
	}
	objects, err := store.List(r.Context(), h.kind)
	if err != nil {
		return nil, err
	}
	type entry struct {
		ID      string `json:"id"`
		Updated int64  `json:"updatedTimestamp"`
		ISO     string `json:"updatedTimestampIso"`
	}
	all := []entry{}
	for _, o := range objects {
		all = append(all, entry{o.ID, o.Updated.UnixMilli(), moment(o.Updated.UnixMilli())})
	}
	return all, nil
}

func (h shelf) get(r *http.Request) (any, error) {
	return h.service.archived(r, h.kind, r.PathValue("id"))
}

func (h shelf) body(r *http.Request) ([]byte, error) {
	data, err := body(r, objectMost)
	if err == nil {
		if wrong := h.check(data); wrong != nil {
			err = invalid("read the body: %v", wrong)
		}
	}
	return data, err
}

func (h shelf) create(r *http.Request) (any, error) {
	data, err := h.body(r)
	if err != nil {
		return nil, err
	}
	store, err := h.service.objects(r)
	if err != nil {
		return nil, err
	}
	id := param(r, h.key)
	if id == "" {
		id = uuid.NewString()
	}
	if err := store.Create(r.Context(), h.kind, id, h.kind.File(id), data); errors.Is(err, storage.ErrExists) {
		return nil, invalid("%s '%s' already exists.", h.kind, id)
	} else if err != nil {
		return nil, err
	}
	return map[string]string{h.key: id}, nil
}

func (h shelf) update(r *http.Request) (any, error) {
	data, err := h.body(r)
	if err != nil {
		return nil, err
	}
	store, err := h.service.objects(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if _, err := store.Get(r.Context(), h.kind, id); errors.Is(err, storage.ErrNotFound) {
		return nil, invalid("%s '%s' does not exist.", h.kind, id)
	} else if err != nil {
		return nil, err
	}
	if err := store.Put(r.Context(), h.kind, id, h.kind.File(id), data); err != nil {
		return nil, err
	}
	return map[string]string{h.key: id}, nil
}

func (h shelf) remove(r *http.Request) (any, error) {
	store, err := h.service.objects(r)
	if err != nil {
		return nil, err
	}
	return nil, store.Delete(r.Context(), h.kind, r.PathValue("id"))
}

// getPair reads one pair of a list.
func (s *Service) getPair(r *http.Request) (any, error) {
	list, err := s.archived(r, storage.MetricSetPairs, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var pairs []json.RawMessage
	if err := json.Unmarshal(list.(raw), &pairs); err != nil {
		return nil, fmt.Errorf("read metric set pair list %s: %w", r.PathValue("id"), err)
	}
	for _, p := range pairs {
		var named struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(p, &named) == nil && named.ID == r.PathValue("pair") {
			return raw(p), nil
		}
	}
	return nil, fmt.Errorf("metric set pair %.100q: %w", r.PathValue("pair"), storage.ErrNotFound)
}

// readable checks that data is JSON of a type.
func readable[T any](data []byte) error {
	var v T
	return json.Unmarshal(data, &v)
}

func (s *Service) metricSets() shelf {
	return shelf{s, storage.MetricSets, "metricSetListId", readable[[]judge.MetricSet]}
}

func (s *Service) metricSetPairs() shelf {
	return shelf{s, storage.MetricSetPairs, "metricSetPairListId", readable[[]judge.Pair]}
}

func (s *Service) resultArchive() shelf {
	return shelf{s, storage.Results, "pipelineId", readable[map[string]json.RawMessage]}
}
