package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
)

// settings are what users write about one hook.
type settings struct {
	URL     string            `json:"url"`
	KeyFile string            `json:"keyFile"` // file that holds the signing key; white space at its ends is no part of it
	KeyEnv  string            `json:"keyEnv"`  // or the variable that does
	Timeout plan.Duration     `json:"timeout"` // until the answer, 5s
	Headers map[string]string `json:"headers"` // for instance Authorization

	origin string
}

// own are the headers that settings may not replace.
var own = []string{"Content-Type", "Content-Length", "Host", "Idempotency-Key", "User-Agent", SignatureHeader}

// Check refuses settings that could not be used and names the field, never a value that may be secret.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (*settings, error) {
	s := &settings{}
	if err := plan.Decode(with, s); err != nil {
		return nil, err
	}
	if s.Timeout == 0 {
		s.Timeout = plan.Duration(5 * time.Second)
	}
	u, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		return nil, errors.New("url: is missing")
	case err != nil || u.Hostname() == "":
		return nil, errors.New("url: is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("url: begins neither with http:// nor https://")
	case u.User != nil:
		return nil, errors.New("url: must not hold a user or password; use headers")
	case s.KeyFile != "" && s.KeyEnv != "":
		return nil, errors.New("keyEnv: give either keyFile or keyEnv")
	case s.Timeout < plan.Duration(time.Millisecond):
		return nil, errors.New("timeout: must be at least 1ms")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }):
			return nil, fmt.Errorf("headers: %q is not the name of a header", name)
		case slices.Contains(own, http.CanonicalHeaderKey(name)):
			return nil, fmt.Errorf("headers.%s: is set by serin", name)
		case strings.ContainsAny(s.Headers[name], "\r\n\x00"):
			return nil, fmt.Errorf("headers.%s: holds a line break", name)
		}
	}
	s.origin = origin(u)
	return s, nil
}

// key reads the signing key; nil when messages are not to be signed. A key that was asked for and is not there is an error:
// nothing must go out unsigned by accident.
func (s *settings) key() ([]byte, error) {
	switch {
	case s.KeyFile != "":
		data, err := os.ReadFile(s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read signing key: %w", err)
		}
		if key := bytes.TrimSpace(data); len(key) > 0 {
			return key, nil
		}
		return nil, fmt.Errorf("read signing key: %s is empty", s.KeyFile)
	case s.KeyEnv != "":
		if key := os.Getenv(s.KeyEnv); key != "" {
			return []byte(key), nil
		}
		return nil, fmt.Errorf("read signing key: variable %s is not set", s.KeyEnv)
	}
	return nil, nil
}
