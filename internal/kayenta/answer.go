package kayenta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

// A refusal is what a client is told with 400.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

func invalid(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

// unsupported is what a client is told with 415.
type unsupported struct{ error }

// status is the code for an error.
func status(err error) int {
	var wrong refusal
	var order execution.Refusal
	var long *http.MaxBytesError
	var media unsupported
	switch {
	case errors.As(err, &long):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &media):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, execution.ErrBusy):
		return http.StatusTooManyRequests
	case errors.As(err, &wrong), errors.As(err, &order), errors.Is(err, storage.ErrInvalid), errors.Is(err, storage.ErrExists):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// An endpoint answers with a value, which is written as JSON, or with an error. nil is 204.
type endpoint func(*http.Request) (any, error)

// raw is JSON as it was stored.
type raw []byte

// MarshalJSON gives it back.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

func (s *Service) answer(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := e(r)
		code := http.StatusOK
		if err != nil {
			code, value = status(err), map[string]string{"message": err.Error()}
			if code == http.StatusInternalServerError {
				s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
		}
		if value == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		text, ok := value.(raw)
		if !ok {
			if text, err = json.Marshal(value); err != nil {
				s.log.Error("answer cannot be written", "path", r.URL.Path, "error", err)
				code, text = http.StatusInternalServerError, []byte(`{"message":"the answer cannot be written"}`)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(code)
		_, _ = w.Write(append(text, '\n')) // whoever went away needs no answer
	}
}

// Limits of bodies, in bytes.
const (
	configMost = judge.ConfigMost
	orderMost  = configMost + 1<<20 // a config and its request
	objectMost = storage.Limit
)

// body reads a JSON body.
func body(r *http.Request, most int64) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, unsupported{fmt.Errorf("content type %q is not supported: send application/json", r.Header.Get("Content-Type"))}
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return nil, fmt.Errorf("the body is longer than %d bytes: %w", most, err)
	}
	if err != nil {
		return nil, invalid("read the body: %v", err)
	}
	return data, nil
}

func read(r *http.Request, most int64, into any) error {
	data, err := body(r, most)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return invalid("read the body: %v", err)
	}
	return nil
}

// param is the first of some query parameters that is given.
func param(r *http.Request, names ...string) string {
	for _, name := range names {
		if v := r.URL.Query().Get(name); v != "" {
			return v
		}
	}
	return ""
}
