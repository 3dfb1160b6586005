package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/util/jsonpath"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/client"
)

const (
	answerMost = 1 << 20 // bytes
	pathMost   = 1000    // characters of a JSONPath
	saidMost   = 200     // bytes of a refusal that are told
)

// Driver describes this store to the catalog.
var Driver = metric.Driver{
	Name:  "web",
	Check: func(json.RawMessage) error { return errCounts },
	Query: CheckQuery,
	New:   func(env metric.Env) (metric.Store, error) { return New(env), nil },
}

var errCounts = errors.New("web counts no requests; it answers queries of judge condition and judge threshold")

// A Store asks HTTP servers. It is safe for use by several goroutines.
type Store struct {
	secret func(ctx context.Context, namespace, name, key string) (string, error)
}

// New makes a store.
func New(env metric.Env) *Store { return &Store{env.Secret} }

// Read refuses to count.
func (s *Store) Read(context.Context, metric.Question) (metric.Snapshot, error) {
	return metric.Snapshot{}, errCounts
}

// Query sends the request and takes the value out of its answer.
func (s *Store) Query(ctx context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	asked, err := decode(q.With)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("ask the web: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(asked.Timeout))
	defer cancel()
	body, err := s.send(ctx, q, asked)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("ask %s: %w", host(asked.URL), err)
	}
	value, err := valueAt(body, asked.JSONPath)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("read the answer of %s: %w", host(asked.URL), err)
	}
	return judge.Reading{Value: value}, nil
}

// send returns the body of a good answer.
func (s *Store) send(ctx context.Context, q metric.QueryQuestion, asked Query) ([]byte, error) {
	req, err := asked.request(ctx, q.Words)
	if err != nil {
		return nil, err
	}
	secrets := client.Secrets{Read: s.secret}
	if key, err := cluster.ParseKey(q.Target); err == nil {
		secrets.Namespace = key.Namespace
	}
	for name, secret := range asked.HeadersFrom {
		value, err := secrets.Value(ctx, secret)
		if err != nil {
			return nil, fmt.Errorf("headersFrom.%s: %w", name, err)
		}
		req.Header.Set(name, value)
	}
	c, err := client.New(ctx, client.Options{Name: "web", Auth: asked.Auth, Most: answerMost, Idle: time.Second}, secrets)
	if err != nil {
		return nil, err
	}
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL, whose query may be a secret of its user
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, saidMost)) // what cannot be read is not told
		return nil, fmt.Errorf("it answers %s: %q", resp.Status, strings.ToValidUTF8(strings.TrimSpace(string(said)), ""))
	}
	return io.ReadAll(resp.Body)
}

func (q Query) request(ctx context.Context, words metric.Words) (*http.Request, error) {
	at, err := words.Fill(q.URL, url.QueryEscape)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	text, as := q.Body, func(value string) string { return value }
	if q.JSONBody != nil {
		text, as = string(q.JSONBody), inJSON
	}
	body, err := words.Fill(text, as)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, q.Method, at, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("url: is not a URL")
	}
	if q.JSONBody != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.Headers {
		filled, err := words.Fill(value, nil)
		if err != nil {
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		}
		req.Header.Set(name, filled)
	}
	return req, nil
}

// valueAt is the first value at the path. A body that is not JSON is a text, and has no paths.
func valueAt(body []byte, path string) (value json.RawMessage, err error) {
	defer func() { // a library that panics on a strange answer must not take the program with it
		if r := recover(); r != nil {
			err = fmt.Errorf("jsonPath %s: %v", path, r)
		}
	}()
	var data any
	if json.Unmarshal(body, &data) != nil {
		return json.Marshal(string(bytes.TrimSpace(body)))
	}
	p := jsonpath.New("")
	if err := p.Parse(path); err != nil {
		return nil, err
	}
	found, err := p.FindResults(data)
	if err != nil {
		return nil, fmt.Errorf("jsonPath %s: %w", path, err)
	}
	hits := slices.Concat(found...)
	switch {
	case len(hits) == 0:
		return nil, fmt.Errorf("jsonPath %s: finds nothing", path)
	case !hits[0].IsValid():
		return json.RawMessage("null"), nil
	}
	return json.Marshal(hits[0].Interface())
}

// host is the part of a URL that may be told to everybody.
func host(at string) string {
	if u, err := url.Parse(at); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	scheme, rest, _ := strings.Cut(at, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
