package prometheustest

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// A Server is a running Prometheus, which ends with its test.
type Server struct {
	URL string

	api v1.API
}

// patience is for a machine that does other work as well. Nothing takes so long unless it is broken.
const patience = 2 * time.Minute

// Start starts Prometheus with a configuration and waits until it answers.
func Start(t testing.TB, config string, flags ...string) *Server {
	t.Helper()
	program := os.Getenv("SERIN_PROMETHEUS")
	if program == "" {
		t.Skip("NOT RUN: this test needs Prometheus itself; SERIN_PROMETHEUS names the program, and `make test` builds it")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	flags = append([]string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0",
		"--scrape.discovery-reload-interval=100ms", // it would wait five seconds before it scrapes anything
	}, flags...)
	said := &log{}
	cmd := exec.Command(program, flags...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the log says why
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself, and then its test has failed already
		<-ended
		if t.Failed() {
			t.Logf("log of Prometheus:\n%s", said)
		}
	})
	s := &Server{}
	s.open(t, said, ended)
	return s
}

// open finds out where it listens, and waits until it is ready.
func (s *Server) open(t testing.TB, said *log, ended <-chan struct{}) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ready := &http.Client{Transport: transport, Timeout: patience}
	eventually(t, "Prometheus is ready", func(context.Context) bool {
		select {
		case <-ended:
			t.Fatal("Prometheus has ended")
		default:
		}
		if s.URL = said.address(); s.URL == "" {
			return false
		}
		resp, err := ready.Get(s.URL + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	c, err := api.NewClient(api.Config{Address: s.URL, RoundTripper: transport})
	if err != nil {
		t.Fatal(err)
	}
	s.api = v1.NewAPI(c)
}

// Until waits for a query to have an answer.
func (s *Server) Until(t testing.TB, query string) {
	t.Helper()
	eventually(t, query, func(ctx context.Context) bool {
		value, _, _, err := s.api.Query(ctx, query, time.Time{})
		vector, ok := value.(model.Vector)
		return err == nil && ok && len(vector) > 0
	})
}

func eventually(t testing.TB, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !holds(ctx) {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("it did not come true within %s: %s", patience, what)
		}
	}
}

// A log is what the program says, read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// address is where it says it listens.
func (l *log) address() string {
	found := regexp.MustCompile(`msg="Listening on".* address=(127\.0\.0\.1:\d+)`).FindStringSubmatch(l.String())
	if found == nil {
		return ""
	}
	return "http://" + found[1]
}
