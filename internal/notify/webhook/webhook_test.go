package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/notify/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cr3t-of-the-hook"

// A hook is a receiver that checks what it gets.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	messages []notify.Message
	headers  []http.Header
	refuses  atomic.Bool
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || h.refuses.Load() {
			http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
			return
		}
		if err := Verify([]byte(secret), r.Header.Get(SignatureHeader), body, time.Now(), time.Minute); err != nil {
			t.Error(err)
		}
		var m notify.Message
		if err := json.Unmarshal(body, &m); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s: %v", r.Method, err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.messages, h.headers = append(h.messages, m), append(h.headers, r.Header)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) received() []notify.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.messages
}

func keyFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		Start: func(t *testing.T) conformance.Bench {
			h := newHook(t)
			return conformance.Bench{
				Notifier: New(), With: json.RawMessage(fmt.Sprintf(`{"url":%q,"keyFile":%q}`, h.URL, keyFile(t, secret+"\n"))),
				Received: h.received, Break: func() { h.refuses.Store(true) },
			}
		},
		Refused: map[string]json.RawMessage{
			"url: is missing":    json.RawMessage(`{}`),
			"url: is not":        json.RawMessage(`{"url":"http://"}`),
			"url: begins":        json.RawMessage(`{"url":"file://host/etc/passwd"}`),
			"url: must not hold": json.RawMessage(`{"url":"https://me:pw@host/"}`),
			"keyEnv":             json.RawMessage(`{"url":"https://host/","keyEnv":"A","keyFile":"b"}`),
			"timeout":            json.RawMessage(`{"url":"https://host/","timeout":5}`),
			"timeout: must":      json.RawMessage(`{"url":"https://host/","timeout":"-5s"}`),
			"headers.user-agent": json.RawMessage(`{"url":"https://host/","headers":{"user-agent":"x"}}`),
			"headers.X":          json.RawMessage(`{"url":"https://host/","headers":{"X":"a\r\nb"}}`),
			`headers: "a b"`:     json.RawMessage(`{"url":"https://host/","headers":{"a b":"c"}}`),
		},
	})
}

func TestHeaders(t *testing.T) {
	h := newHook(t)
	t.Setenv("HOOK_KEY", secret)
	with := fmt.Sprintf(`{"url":%q,"keyEnv":"HOOK_KEY","headers":{"Authorization":"Bearer abc"}}`, h.URL+"/in?x=1")
	if err := New().Tell(t.Context(), json.RawMessage(with), conformance.Example("shop-3/2/entered/page me")); err != nil {
		t.Fatal(err)
	}
	got := h.headers[0]
	for name, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "serin", "Authorization": "Bearer abc", "Idempotency-Key": "shop-3/2/entered/page%20me",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
		}
	}
}

// What an error says goes to logs and pages: no URL path, key, header or answer.
func TestErrorsKeepSecrets(t *testing.T) {
	refusing := newHook(t)
	refusing.refuses.Store(true)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
		<-r.Context().Done()
	}))
	defer hanging.Close()
	elsewhere := newHook(t)
	redirects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/services/T0KEN", http.StatusTemporaryRedirect)
	}))
	defer redirects.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login", http.StatusFound)
	}))
	defer page.Close()
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusPermanentRedirect)
	}))
	defer loop.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	cases := []struct{ reason, url, want string }{
		{"it refuses, and repeats our header", refusing.URL, "it answered 403 Forbidden"},
		{"it hangs", hanging.URL, "deadline exceeded"},
		{"it redirects to another host", redirects.URL, "it redirects to another host, " + elsewhere.URL},
		{"it redirects to a page", page.URL, "it redirects to a page"},
		{"it redirects for ever", loop.URL, "again and again"},
		{"nobody listens", closed.URL, "connection refused"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			with := fmt.Sprintf(`{"url":"%s/services/T0KEN","timeout":"300ms","keyFile":%q,"headers":{"Authorization":"Bearer abc"}}`, c.url, keyFile(t, secret))
			err := New().Tell(t.Context(), json.RawMessage(with), conformance.Example("k"))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.url) {
				t.Fatalf("got %v, want %q at %s", err, c.want, c.url)
			}
			for _, hidden := range []string{"T0KEN", "abc", secret} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error tells %q: %v", hidden, err)
				}
			}
		})
	}
	if got := elsewhere.received(); len(got) != 0 {
		t.Errorf("another host got %+v", got)
	}
}

func TestRedirectOnTheSameHost(t *testing.T) {
	h := newHook(t)
	inner := h.Config.Handler
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusPermanentRedirect)
			return
		}
		inner.ServeHTTP(w, r)
	})
	with := fmt.Sprintf(`{"url":"%s/old","keyFile":%q}`, h.URL, keyFile(t, secret))
	if err := New().Tell(t.Context(), json.RawMessage(with), conformance.Example("k")); err != nil || len(h.received()) != 1 {
		t.Errorf("got %v, %v", h.received(), err)
	}
}

func TestNothingGoesOutUnsignedByAccident(t *testing.T) {
	h := newHook(t)
	cases := []struct{ reason, key, want string }{
		{"the file is missing", `"keyFile":"/no/such/file"`, "no such file"},
		{"the file is empty", fmt.Sprintf(`"keyFile":%q`, keyFile(t, " \n")), "is empty"},
		{"the variable is not set", `"keyEnv":"SERIN_TEST_NOT_SET"`, "SERIN_TEST_NOT_SET is not set"},
	}
	for _, c := range cases {
		err := New().Tell(t.Context(), json.RawMessage(fmt.Sprintf(`{"url":%q,%s}`, h.URL, c.key)), conformance.Example("k"))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(h.received()) != 0 {
			t.Errorf("%s: got %v, %v", c.reason, err, h.received())
		}
	}
}

func TestEndlessAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	if err := New().Tell(t.Context(), json.RawMessage(fmt.Sprintf(`{"url":%q}`, server.URL)), conformance.Example("k")); err != nil {
		t.Errorf("a 2xx is an arrival, however long its text: %v", err)
	}
}

// The numbers were computed with `printf '1790000000.{}' | openssl dgst -sha256 -hmac key`.
func TestSignature(t *testing.T) {
	at := time.Unix(1790000000, 0)
	header := sign([]byte("key"), at, []byte("{}"))
	if want := "t=1790000000,v1=099d33989336226b12c85da813adf6100e1bbab1e91bede9a41ddeb7882d66b8"; header != want {
		t.Errorf("got %s, want %s", header, want)
	}
	cases := []struct {
		reason, key, header, body string
		now                       time.Time
		good                      bool
	}{
		{"as it was sent", "key", header, "{}", at.Add(time.Minute), true},
		{"with another key", "kez", header, "{}", at, false},
		{"with another body", "key", header, "{ }", at, false},
		{"at another time", "key", strings.Replace(header, "t=1", "t=2", 1), "{}", at, false},
		{"too late", "key", header, "{}", at.Add(time.Hour), false},
		{"from the future", "key", header, "{}", at.Add(-time.Hour), false},
		{"without a signature", "key", "t=1790000000", "{}", at, false},
		{"nothing", "key", "", "{}", at, false},
	}
	for _, c := range cases {
		if err := Verify([]byte(c.key), c.header, []byte(c.body), c.now, 5*time.Minute); (err == nil) != c.good {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}
