package upstream

import (
	"encoding/json"
	"fmt"
	"net/url"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A Template is what users write about one revision of an upstream.
type Template struct {
	Version string          `json:"version"`
	URLs    []string        `json:"urls"` // "http://10.0.0.7:8080", "https://shop.example"
	Health  workload.Health `json:"health"`
}

// maxURLs bounds one revision: each URL is asked all the time.
const maxURLs = 1000

// Check refuses templates that could not be used and names the field.
func Check(raw json.RawMessage) error {
	_, err := decode(raw)
	return err
}

func decode(raw json.RawMessage) (*Template, error) {
	t := &Template{}
	if err := plan.Decode(raw, t); err != nil {
		return nil, err
	}
	if len(t.URLs) == 0 || len(t.URLs) > maxURLs {
		return nil, fmt.Errorf("urls: %d is not from 1 to %d", len(t.URLs), maxURLs)
	}
	seen := map[string]bool{}
	for i, text := range t.URLs {
		base, err := baseOf(text)
		if err != nil {
			return nil, fmt.Errorf("urls[%d]: %w", i, err)
		}
		if seen[base] {
			return nil, fmt.Errorf("urls[%d]: %s is there twice", i, base)
		}
		seen[base] = true
		t.URLs[i] = base
	}
	t.Health.Complete()
	if err := t.Health.Check(); err != nil {
		return nil, err
	}
	return t, nil
}

// baseOf checks one URL and leaves of it what a request of any path needs.
func baseOf(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("not a URL") // the parser's error would repeat all of it
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("begins neither with http:// nor https://")
	case u.Hostname() == "":
		return "", fmt.Errorf("names no host")
	case u.User != nil:
		return "", fmt.Errorf("must not hold a user or password")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("must end with the host or port: requests keep their own path")
	}
	return u.Scheme + "://" + u.Host, nil
}
