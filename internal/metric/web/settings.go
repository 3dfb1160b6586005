package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/util/jsonpath"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/client"
	"serin.dev/serin/internal/plan"
)

// A Query is a request and where its answer has the value. Words are filled in everywhere but in headersFrom, timeout and auth.
type Query struct {
	URL         string                    `json:"url"`
	Method      string                    `json:"method"` // GET (default), POST, PUT
	Headers     map[string]string         `json:"headers"`
	HeadersFrom map[string]*client.Secret `json:"headersFrom"`
	Body        string                    `json:"body"`
	JSONBody    json.RawMessage           `json:"jsonBody"`
	JSONPath    string                    `json:"jsonPath"` // "{$}"
	Timeout     plan.Duration             `json:"timeout"`  // 2s
	Auth        client.Auth               `json:"auth"`
}

// CheckQuery refuses a query that could not be asked and names the field.
func CheckQuery(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (Query, error) {
	q := Query{}
	if err := plan.Decode(with, &q); err != nil {
		return q, err
	}
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.JSONPath == "" {
		q.JSONPath = "{$}"
	}
	if q.Timeout == 0 {
		q.Timeout = plan.Duration(2 * time.Second)
	}
	if string(q.JSONBody) == "null" {
		q.JSONBody = nil
	}
	return q, errors.Join(q.check(), q.checkTexts(), q.checkSecrets())
}

func (q Query) check() error {
	switch {
	case q.URL == "":
		return errors.New("url: says nothing about whom to ask")
	case q.Method != http.MethodGet && q.Method != http.MethodPost && q.Method != http.MethodPut:
		return fmt.Errorf("method: %q is none of GET, POST, PUT", q.Method)
	case q.Body != "" && q.JSONBody != nil:
		return errors.New("jsonBody: there is a body already")
	case q.Method == http.MethodGet && (q.Body != "" || q.JSONBody != nil):
		return errors.New("method: GET sends no body; choose POST or PUT")
	case q.Timeout < plan.Duration(time.Millisecond):
		return errors.New("timeout: must be at least 1ms")
	}
	if len(q.JSONPath) > pathMost {
		return fmt.Errorf("jsonPath: has %d characters; at most %d are read", len(q.JSONPath), pathMost)
	}
	if err := jsonpath.New("").Parse(q.JSONPath); err != nil {
		return fmt.Errorf("jsonPath: %w", err)
	}
	return nil
}

// checkTexts fills in words that look like names, so that what is left can be looked at.
func (q Query) checkTexts() error {
	words := metric.Words{}
	for _, w := range metric.KnownWords() {
		words[w] = "x"
	}
	at, err := words.Fill(q.URL, url.QueryEscape)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	if u, err := url.Parse(at); err != nil { // the parser's own words repeat it, with its password
		return errors.New("url: is not a URL")
	} else if u.User != nil {
		return errors.New("url: holds a password; use auth.basic, whose password comes from a Secret or a file")
	} else if q.URL != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return errors.New("url: want http://HOST:PORT/PATH or https://HOST/PATH")
	}
	for name, value := range q.Headers {
		if err := metric.Check(value); err != nil {
			return fmt.Errorf("headers.%s: %w", name, err)
		}
	}
	if err := metric.Check(q.Body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if err := metric.Check(string(q.JSONBody)); err != nil {
		return fmt.Errorf("jsonBody: %w", err)
	}
	return client.CheckHeaders(q.Headers)
}

func (q Query) checkSecrets() error {
	for name, secret := range q.HeadersFrom {
		field := "headersFrom." + name
		if secret == nil {
			return fmt.Errorf("%s: want secretRef, or file outside of a cluster", field)
		}
		if err := secret.Check(field); err != nil {
			return err
		}
	}
	return q.Auth.Check()
}

// inJSON escapes a value for the inside of a JSON string.
func inJSON(value string) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "" // a text has no other form
	}
	return strings.Trim(string(text), `"`)
}
