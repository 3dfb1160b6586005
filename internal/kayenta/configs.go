package kayenta

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

func loadConfig(ctx context.Context, store storage.Store, id string) (judge.Config, error) {
	data, err := store.Get(ctx, storage.Configs, id)
	if err != nil {
		return judge.Config{}, err
	}
	return judge.ReadConfig(data)
}

// config reads the config that a request is about, and the account it is in.
func (s *Service) config(r *http.Request, id string) (judge.Config, string, error) {
	account, err := s.accounts.resolve(param(r, "configurationAccountName"), ConfigurationStore)
	if err != nil {
		return judge.Config{}, "", err
	}
	store, err := s.accounts.store(account)
	if err != nil {
		return judge.Config{}, "", err
	}
	c, err := loadConfig(r.Context(), store, id)
	return c, account, err
}

func (s *Service) listConfigs(r *http.Request) (any, error) {
	account, err := s.accounts.resolve(param(r, "configurationAccountName"), ConfigurationStore)
	if err != nil {
		return nil, err
	}
	all, err := s.summaries(r.Context(), account)
	if wanted := texts(r, "application"); len(wanted) > 0 {
		all = slices.DeleteFunc(all, func(m Summary) bool { return !overlap(m.Applications, wanted) })
	}
	return append([]Summary{}, all...), err
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}

func (s *Service) getConfig(r *http.Request) (any, error) {
	c, _, err := s.config(r, r.PathValue("id"))
	return c, err
}

func (s *Service) createConfig(r *http.Request) (any, error) {
	c, err := readConfig(r)
	if err != nil {
		return nil, err
	}
	now := s.now().UnixMilli()
	if c.CreatedTimestamp == nil {
		c.CreatedTimestamp = &now
	}
	if c.UpdatedTimestamp == nil {
		c.UpdatedTimestamp = c.CreatedTimestamp
	}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	return s.saveConfig(r, c, func(ctx context.Context, store storage.Store, data []byte) error {
		err := store.Create(ctx, storage.Configs, c.ID, c.Name+".json", data)
		if errors.Is(err, storage.ErrExists) {
			return invalid("Canary config '%s' already exists.", c.ID)
		}
		return err
	})
}

func (s *Service) updateConfig(r *http.Request) (any, error) {
	c, err := readConfig(r)
	if err != nil {
		return nil, err
	}
	now := s.now().UnixMilli()
	c.UpdatedTimestamp, c.ID = &now, r.PathValue("id")
	return s.saveConfig(r, c, func(ctx context.Context, store storage.Store, data []byte) error {
		if _, err := store.Get(ctx, storage.Configs, c.ID); errors.Is(err, storage.ErrNotFound) {
			return invalid("Canary config '%s' does not exist.", c.ID)
		} else if err != nil {
			return err
		}
		return store.Put(ctx, storage.Configs, c.ID, c.Name+".json", data)
	})
}

func readConfig(r *http.Request) (judge.Config, error) {
	data, err := body(r, configMost)
	if err != nil {
		return judge.Config{}, err
	}
	c, err := judge.ReadConfig(data)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return judge.Config{}, invalid("%v", err)
	}
	return c, nil
}

// saveConfig writes a config if its name is free in its applications.
func (s *Service) saveConfig(r *http.Request, c judge.Config, write func(context.Context, storage.Store, []byte) error) (any, error) {
	account, err := s.accounts.resolve(param(r, "configurationAccountName"), ConfigurationStore)
	if err != nil {
		return nil, err
	}
	store, err := s.accounts.store(account)
	if err != nil {
		return nil, err
	}
	if c.CreatedTimestamp != nil {
		c.CreatedTimestampISO = moment(*c.CreatedTimestamp)
	}
	c.UpdatedTimestampISO = moment(*c.UpdatedTimestamp)
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	s.index.saving.Lock()
	defer s.index.saving.Unlock()
	all, err := s.summaries(r.Context(), account)
	if err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.Name == c.Name && other.ID != c.ID && overlap(other.Applications, c.Applications) {
			return nil, invalid("Canary config with name '%s' already exists in the scope of applications %v.", c.Name, c.Applications)
		}
	}
	if err := write(r.Context(), store, data); err != nil {
		return nil, err
	}
	return map[string]string{"canaryConfigId": c.ID}, nil
}

func (s *Service) deleteConfig(r *http.Request) (any, error) {
	account, err := s.accounts.resolve(param(r, "configurationAccountName"), ConfigurationStore)
	if err != nil {
		return nil, err
	}
	store, err := s.accounts.store(account)
	if err != nil {
		return nil, err
	}
	return nil, store.Delete(r.Context(), storage.Configs, r.PathValue("id"))
}
