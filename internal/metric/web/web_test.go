package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/metric/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	conformance.RunQueries(t, conformance.QuerySubject{
		Driver: web.Driver, Start: bench,
		Refused: map[string]json.RawMessage{"url": json.RawMessage(`{}`), "timeout": json.RawMessage(`{"url":"http://x/","timeout":"soon"}`)},
	})
}

func bench(t *testing.T) conformance.QueryBench {
	var answer atomic.Value
	answer.Store(0.0)
	over := make(chan struct{})
	var hangs atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-over
		}
		if text := r.URL.Query().Get("text"); text != "" && text != "shopa|b" {
			http.Error(w, "want the words filled in", http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"value": answer.Load()})
	}))
	t.Cleanup(func() { close(over); server.Close() })
	return conformance.QueryBench{
		Store: web.New(metric.Env{}), Answer: func(v float64) { answer.Store(v) },
		Ask: func(text string) metric.QueryQuestion {
			with, err := json.Marshal(map[string]string{"url": server.URL + "/?text=" + text, "jsonPath": "{.value}"})
			if err != nil {
				t.Error(err)
			}
			return metric.QueryQuestion{Target: "Process/shop", With: with, Words: metric.Words{"target": "shop", "canary": "a|b"}}
		},
		Hang: func() { hangs.Store(true) }, Break: server.Close,
	}
}

// ask sends one query, written as JSON with URL for the server's address.
func ask(t *testing.T, s *web.Store, server *httptest.Server, with string) (string, error) {
	t.Helper()
	got, err := s.Query(t.Context(), metric.QueryQuestion{
		Target: "Deployment/shop/checkout", With: json.RawMessage(strings.ReplaceAll(with, "URL", server.URL)),
		Words: metric.Words{"target": "checkout", "canary": "a|b", "canaryRevision": `v"2`},
	})
	return string(got.Value), err
}

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			io.WriteString(w, `{"data":{"rate":0.97,"name":"x","list":[1,2,3],"none":null,"ok":true}}`)
		case "/text":
			io.WriteString(w, "all is well\n")
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			json.NewEncoder(w).Encode(map[string]string{
				"method": r.Method, "body": string(body), "query": r.URL.Query().Get("q"), "header": r.Header.Get("X-A"), "type": r.Header.Get("Content-Type"),
			})
		case "/huge":
			w.Write([]byte(`"` + strings.Repeat("a", 2<<20) + `"`))
		case "/away":
			http.Redirect(w, r, "/json", http.StatusFound)
		default:
			http.Error(w, "nothing here", http.StatusNotFound)
		}
	}))
	defer server.Close()
	s := web.New(metric.Env{})
	for with, want := range map[string]string{
		`{"url":"URL/json","jsonPath":"{$.data.rate}"}`:                                                  `0.97`,
		`{"url":"URL/json","jsonPath":"{.data.list[*]}"}`:                                                `1`, // the first hit
		`{"url":"URL/json","jsonPath":"{.data.list}"}`:                                                   `[1,2,3]`,
		`{"url":"URL/json","jsonPath":"{.data.list[?(@ > 1.0)]}"}`:                                       `2`,
		`{"url":"URL/json","jsonPath":"{.data.none}"}`:                                                   `null`,
		`{"url":"URL/json"}`:                                                                             `{"data":{"list":[1,2,3],"name":"x","none":null,"ok":true,"rate":0.97}}`,
		`{"url":"URL/text"}`:                                                                             `"all is well"`,
		`{"url":"URL/echo?q={{ canary }}","jsonPath":"{.query}"}`:                                        `"a|b"`,
		`{"url":"URL/echo","headers":{"X-A":"{{ target }}"},"jsonPath":"{.header}"}`:                     `"checkout"`,
		`{"url":"URL/echo","method":"POST","body":"of {{ target }}","jsonPath":"{.body}"}`:               `"of checkout"`,
		`{"url":"URL/echo","method":"PUT","jsonBody":{"v":"{{ canaryRevision }}"},"jsonPath":"{.body}"}`: `"{\"v\":\"v\\\"2\"}"`,
		`{"url":"URL/echo","method":"PUT","jsonBody":{"v":1},"jsonPath":"{.type}"}`:                      `"application/json"`,
	} {
		if got, err := ask(t, s, server, with); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", with, got, err, want)
		}
	}
	for with, want := range map[string]string{
		`{"url":"URL/nowhere"}`:                            "ask " + server.URL + `: it answers 404 Not Found: "nothing here"`,
		`{"url":"URL/away"}`:                               "it answers 302 Found",
		`{"url":"URL/json","jsonPath":"{.data.missing}"}`:  "jsonPath {.data.missing}: missing is not found",
		`{"url":"URL/json","jsonPath":"{.data.list[7]}"}`:  "array index out of bounds",
		`{"url":"URL/huge"}`:                               "the answer is longer than 1 MiB",
		`{"url":"http://169.254.169.254/latest?key=hush"}`: "addresses of this kind are not asked for metrics",
	} {
		if got, err := ask(t, s, server, with); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %s, %v, want %s", with, got, err, want)
		}
	}
}

// Credentials come out of the Secret of the target's namespace, or out of a file.
func TestCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header.Get("Authorization")+" "+r.Header.Get("X-Key"))
	}))
	defer server.Close()
	onCluster := web.New(metric.Env{Secret: func(_ context.Context, namespace, name, key string) (string, error) {
		if namespace != "shop" || name != "checks" {
			return "", errors.New("not found")
		}
		return "the " + key + "\n", nil
	}})
	secret := `{"secretRef":{"name":"checks","key":"token"}}`
	got, err := ask(t, onCluster, server, `{"url":"URL/","headersFrom":{"X-Key":`+secret+`},"auth":{"bearer":`+secret+`}}`)
	if err != nil || got != `"Bearer the token the token"` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := ask(t, onCluster, server, `{"url":"URL/","auth":{"bearer":{"file":"/etc/hostname"}}}`); err == nil || !strings.Contains(err.Error(), "use secretRef") {
		t.Errorf("a file on a cluster: %v", err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = ask(t, web.New(metric.Env{}), server, fmt.Sprintf(`{"url":"URL/","headersFrom":{"X-Key":{"file":%q}}}`, file))
	if err != nil || got != `" from a file"` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestQueriesEnd(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	began := time.Now()
	if _, err := ask(t, web.New(metric.Env{}), silent, `{"url":"URL/","timeout":"50ms"}`); err == nil || !strings.Contains(err.Error(), "context deadline exceeded") {
		t.Errorf("nobody answers: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestQueriesAreChecked(t *testing.T) {
	for with, want := range map[string]string{
		`{}`:                           "url: says nothing",
		`{"url":"ftp://x"}`:            "url: want http://HOST:PORT/PATH",
		`{"url":"http://a:hush@x/"}`:   "url: holds a password",
		`{"url":"http://x/{{ who }}"}`: "url: {{ who }} stands for nothing",
		`{"url":"http://{{ target }}.{{ namespace }}/","method":"DELETE"}`: `method: "DELETE" is none of`,
		`{"url":"http://x/","body":"b"}`:                                   "method: GET sends no body",
		`{"url":"http://x/","method":"PUT","body":"b","jsonBody":1}`:       "jsonBody: there is a body",
		`{"url":"http://x/","jsonPath":"{.a"}`:                             "jsonPath: unclosed action",
		`{"url":"http://x/","headers":{"cookie":"x"}}`:                     "headers: cookie is a credential",
		`{"url":"http://x/","headers":{"a":"{{ who }}"}}`:                  "headers.a: {{ who }}",
		`{"url":"http://x/","headersFrom":{"a":{}}}`:                       "headersFrom.a: want secretRef",
		`{"url":"http://x/","timeout":"1us"}`:                              "timeout: must be",
		`{"url":"http://x/","retries":7}`:                                  "retries: no such field",
	} {
		if err := web.CheckQuery(json.RawMessage(with)); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %s", with, err, want)
		}
	}
	if err := web.Driver.Check(nil); err == nil || !strings.Contains(err.Error(), "counts no requests") {
		t.Errorf("web as a source of counts: %v", err)
	}
}
