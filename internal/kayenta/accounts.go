package kayenta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"serin.dev/serin/internal/judge/kayenta/query"
	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/s3"
	"serin.dev/serin/internal/metric/prometheus"
)

// An Account is what clients are told of one.
type Account struct {
	Name                 string       `json:"name"`
	Type                 string       `json:"type"`
	SupportedTypes       []Capability `json:"supportedTypes"`
	Locations            []string     `json:"locations"`
	RecommendedLocations []string     `json:"recommendedLocations"`
}

// Accounts are all that is configured, in order.
type accounts struct {
	all     []Account
	stores  map[string]storage.Store
	metrics map[string]metrics
	kept    map[string]bool // in the embedded store
}

// metrics is one Prometheus.
type metrics struct {
	reader  *prometheus.Reader
	account query.Account
}

// openAccounts connects to the stores. Prometheuses are asked when they are needed.
func openAccounts(ctx context.Context, s Settings, embedded storage.Store) (*accounts, error) {
	s, err := s.complete()
	if err != nil {
		return nil, err
	}
	a := &accounts{stores: map[string]storage.Store{}, metrics: map[string]metrics{}, kept: map[string]bool{}}
	for _, m := range s.Metrics {
		reader, err := prometheus.NewReader(prometheus.Settings{Address: m.Address, Timeout: m.Timeout, Headers: m.Headers, Auth: m.Auth})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("account %s: %w", m.Name, err), a.close())
		}
		a.metrics[m.Name] = metrics{reader, query.Account{ScopeLabel: m.ScopeLabel}}
		a.all = append(a.all, Account{m.Name, "prometheus", []Capability{MetricsStore}, list(m.Locations), list(m.RecommendedLocations)})
	}
	for _, o := range s.Stores {
		kind := Embedded
		if o.S3 == nil {
			a.stores[o.Name], a.kept[o.Name] = embedded, true
		} else {
			bucket, err := s3.Open(ctx, *o.S3)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("account %s: %w", o.Name, err), a.close())
			}
			kind, a.stores[o.Name] = "aws", bucket // Kayenta's word for S3 and what speaks it
		}
		a.all = append(a.all, Account{o.Name, kind, o.Supports, list(nil), list(nil)})
	}
	return a, nil
}

// list is never null in JSON.
func list(texts []string) []string { return append([]string{}, texts...) }

// close lets go of all but the embedded store.
func (a *accounts) close() error {
	var all []error
	for _, m := range a.metrics {
		all = append(all, m.reader.Close())
	}
	for name, s := range a.stores {
		if !a.kept[name] {
			all = append(all, s.Close())
		}
	}
	return errors.Join(all...)
}

// resolve finds the account that a client means: by name, or the first that can do it.
func (a *accounts) resolve(name string, c Capability) (string, error) {
	for _, one := range a.all {
		if (name == "" || one.Name == name) && slices.Contains(one.SupportedTypes, c) {
			return one.Name, nil
		}
	}
	if name == "" {
		return "", invalid("Unable to resolve account of type %s.", c)
	}
	for _, one := range a.all {
		if one.Name == name {
			return "", invalid("Unable to resolve account %s: it is no %s.", name, c)
		}
	}
	return "", invalid("Unable to resolve account %s.", name)
}

// store is the store of an account.
func (a *accounts) store(name string) (storage.Store, error) {
	s, ok := a.stores[name]
	if !ok {
		return nil, invalid("Unable to resolve account %s.", name)
	}
	return s, nil
}

// bounded reports whether what executions leave in this account goes with them. A bucket is its owner's to clean.
func (a *accounts) bounded(name string) bool { return a.kept[name] }
