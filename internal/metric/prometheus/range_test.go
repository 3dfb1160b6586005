package prometheus

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/metric/prometheus/prometheustest"
	"serin.dev/serin/internal/plan"
)

var windowStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answering is a Prometheus that gives one answer to everything.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") == "" && !strings.Contains(r.URL.Path, "/label/") {
			status, body = http.StatusBadRequest, "no query"
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func ranged(t *testing.T, s Settings) *Reader {
	t.Helper()
	r, err := NewReader(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Values stand where their time is, and gaps are NaN in their places.
func TestRangeKeepsGaps(t *testing.T) {
	at := windowStart.Unix()
	url := answering(t, 200, fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"__name__":"up","pod":"a"},"values":[[%d,"1"],[%d,"3"],[%d,"NaN"],[%d,"+Inf"]]},
		{"metric":{"__name__":"up","pod":"b"},"values":[[%d,"5"]]}]}}`, at, at+120, at+180, at+300, at+240))
	lines, err := ranged(t, Settings{Address: url}).Range(t.Context(), "up", Window{windowStart, windowStart.Add(5 * time.Minute), time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	gap := math.NaN()
	want := [][]float64{{1, gap, 3, gap, gap, math.Inf(1)}, {gap, gap, gap, gap, 5, gap}}
	for i, l := range lines {
		if !slices.EqualFunc(l.Values, want[i], func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			t.Errorf("series %d: got %v, want %v", i, l.Values, want[i])
		}
		if len(l.Labels) != 1 || l.Labels["pod"] != string("ab"[i]) {
			t.Errorf("series %d: labels %v", i, l.Labels)
		}
	}
}

func TestRangeRefusals(t *testing.T) {
	minute := Window{windowStart, windowStart.Add(time.Minute), time.Second}
	for name, c := range map[string]struct {
		status    int
		body      string
		window    Window
		want      string
		transient bool
	}{
		"a wrong query":       {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, minute, "parse error", false},
		"a server in trouble": {500, "oh", minute, "server error: 500", true},
		"not now":             {503, "", minute, "server error: 503", true},
		"too often":           {429, "", minute, "429", true},
		"not you":             {401, "", minute, "401", false},
		"no number":           {200, `{"status":"success","data":{"resultType":"vector","result":[]}}`, minute, "want a matrix", false},
		"too long an answer": {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"` +
			strings.Repeat("x", answerLimit) + `"}}]}}`, minute, "longer than", false},
		"too many points": {200, "", Window{windowStart, windowStart.Add(24 * time.Hour), time.Second}, "86401 points", false},
		"backwards":       {200, "", Window{windowStart, windowStart.Add(-time.Hour), time.Second}, "before the start", false},
		"no step":         {200, "", Window{windowStart, windowStart, 0}, "step:", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ranged(t, Settings{Address: answering(t, c.status, c.body)}).Range(t.Context(), "up", c.window)
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 {
				t.Fatalf("got %.600v", err)
			}
			if Transient(err) != c.transient {
				t.Errorf("transient: %t; %v", !c.transient, err)
			}
		})
	}
}

func TestNobodyThereIsTransient(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	window := Window{windowStart, windowStart, time.Second}
	if _, err := ranged(t, Settings{Address: s.URL}).Range(t.Context(), "up", window); err == nil || !Transient(err) {
		t.Errorf("nobody listens: %v", err)
	}
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	_, err := ranged(t, Settings{Address: silent.URL, Timeout: plan.Duration(50 * time.Millisecond)}).Range(t.Context(), "up", window)
	if err == nil || !Transient(err) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestReaderRefusesSettings(t *testing.T) {
	for want, s := range map[string]Settings{
		"address: says nothing":     {},
		"address: holds a password": {Address: "http://me:secret@localhost"},
		"auth: give one of":         {Address: "http://localhost", Auth: Auth{Basic: &Basic{Username: "a"}, Bearer: &Secret{File: "b"}}},
	} {
		if _, err := NewReader(s); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// Credentials are read from a file.
func TestReaderShowsWhoItIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("a-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer a-token" || r.Header.Get("X-Scope-OrgID") != "shop" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":["go_goroutines","up"]}`)
	}))
	defer s.Close()
	r := ranged(t, Settings{Address: s.URL, Headers: map[string]string{"X-Scope-OrgID": "shop"}, Auth: Auth{Bearer: &Secret{File: file}}})
	names, err := r.Names(t.Context(), 10)
	if err != nil || !slices.Equal(names, []string{"go_goroutines", "up"}) {
		t.Errorf("got %v, %v", names, err)
	}
}

// TestServerRange asks the real Prometheus, which scrapes itself.
func TestServerRange(t *testing.T) {
	pod := newPod(t)
	at := prometheustest.Start(t, prometheustest.Scraping(scraped, prometheustest.Target{Job: "shop", URL: pod.URL}))
	at.Until(t, `count_over_time(up{job="shop"}[1m]) >= 5`)
	r := ranged(t, Settings{Address: at.URL})
	end := time.Now()
	lines, err := r.Range(t.Context(), `avg(up{job="shop"}) by (job)`, Window{end.Add(-10 * time.Minute), end, time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || lines[0].Labels["job"] != "shop" || len(lines[0].Values) != 601 {
		t.Fatalf("got %+v", lines)
	}
	if first, last := lines[0].Values[0], lines[0].Values[600]; !math.IsNaN(first) || last != 1 {
		t.Errorf("ten minutes ago %v, now %v", first, last)
	}
	if none, err := r.Range(t.Context(), "nothing_of_this_name", Window{end, end, time.Second}); err != nil || len(none) > 0 {
		t.Errorf("nothing there: %v, %v", none, err)
	}
	if _, err := r.Range(t.Context(), "up{", Window{end, end, time.Second}); err == nil || Transient(err) {
		t.Errorf("half a query: %v", err)
	}
	names, err := r.Names(t.Context(), 1000)
	if err != nil || !slices.Contains(names, "up") {
		t.Errorf("names: %v, %v", names, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Range(ctx, "up", Window{end, end, time.Second}); err == nil {
		t.Error("asked after the caller had gone")
	}
}
