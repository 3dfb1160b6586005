package workload

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestReadinessNeedsAnswersInARow(t *testing.T) {
	cases := []struct {
		reason    string
		up, down  int
		answers   string // + good, - bad
		readiness string
	}{
		{"at once by default", 1, 3, "+-+--+---+", "++++++++-+"},
		{"two good in a row", 2, 1, "+-++-", "---+-"},
		{"a good one between forgives the bad", 1, 2, "+-+-+--", "++++++-"},
	}
	for _, c := range cases {
		p := NewProbe(Health{HealthyAfter: c.up, UnhealthyAfter: c.down}, "")
		var got []byte
		for _, answer := range c.answers {
			p.count(answer == '+')
			got = append(got, map[bool]byte{true: '+', false: '-'}[p.ready])
		}
		if string(got) != c.readiness {
			t.Errorf("%s: answers %s gave %s, want %s", c.reason, c.answers, got, c.readiness)
		}
	}
}

func TestAsk(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/well", http.StatusFound)
		case "/ill":
			http.Error(w, "ill", http.StatusServiceUnavailable)
		case "/slow":
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	cases := []struct {
		reason, base, path string
		well               bool
	}{
		{"2xx is healthy", server.URL, "/well", true},
		{"503 is not", server.URL, "/ill", false},
		{"a redirect is no answer", server.URL, "/moved", false},
		{"too late is no answer", server.URL, "/slow", false},
		{"a connection is enough", server.URL, "", true},
		{"nobody listens", closed.URL, "", false},
		{"nobody answers", closed.URL, "/well", false},
		{"only the base's host counts", server.URL + "/ill", "/well", true},
	}
	for _, c := range cases {
		h := Health{Path: c.path, Timeout: 1e8}
		h.Complete()
		err := NewProbe(h, c.base).ask(t.Context())
		if (err == nil) != c.well {
			t.Errorf("%s: got %v", c.reason, err)
		}
	}
}

func TestProbeIsEagerUntilReady(t *testing.T) {
	h := Health{Interval: 1e9}
	h.Complete()
	p := NewProbe(h, "")
	if got := p.pause(); got != 100*time.Millisecond {
		t.Errorf("before: %s", got)
	}
	p.count(true)
	if got := p.pause(); got != time.Second {
		t.Errorf("after: %s", got)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := Health{}
	h.Complete()
	pulses := make(chan Pulse)
	done := make(chan struct{})
	go func() { NewProbe(h, "http://127.0.0.1:1").Run(ctx, pulses); close(done) }()
	if got := <-pulses; got.Ready || got.Err == nil {
		t.Errorf("got %+v", got)
	}
	cancel() // with the next answer perhaps under way, and nobody to take it
	<-done
}

func TestHealthDefaultsAreAccepted(t *testing.T) {
	var h Health
	h.Complete()
	if err := h.Check(); err != nil || !h.TCP {
		t.Errorf("%+v: %v", h, err)
	}
	paths := []string{"x", "http://elsewhere/"}
	if slices.ContainsFunc(paths, func(p string) bool { h := Health{Path: p}; h.Complete(); return h.Check() == nil }) {
		t.Error("a path that is none was accepted")
	}
}
