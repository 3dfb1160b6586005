package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/progress"
)

// A fakeSerin answers on a real unix socket as the standalone server does. Watchers get the story, one release after the
// other, and then wait until they leave or the stream is cut.
type fakeSerin struct {
	socket string
	all    []progress.Release
	story  []progress.Release
	cut    int    // how many watchers are cut off after the first release of the story
	refuse string // why acts are refused; empty: they are not

	mu      sync.Mutex
	acts    []progress.Act
	watches int
}

// serve starts the server; it ends with the test.
func (f *fakeSerin) serve(t *testing.T) *fakeSerin {
	t.Helper()
	dir, err := os.MkdirTemp("", "serin") // not t.TempDir: the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f.socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/releases", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(progress.List{Items: f.all})
	})
	mux.HandleFunc("GET /v1/releases/{name}", f.one)
	mux.HandleFunc("GET /v1/releases/{name}/watch", f.watch)
	mux.HandleFunc("POST /v1/releases/{name}/acts", f.act)
	mux.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"version":"v1.2.3"}`)) })
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return f
}

func (f *fakeSerin) find(w http.ResponseWriter, r *http.Request) *progress.Release {
	name := r.PathValue("name")
	i := slices.IndexFunc(f.all, func(r progress.Release) bool { return r.Canary == name || r.Name == name })
	if i < 0 {
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]string{"error": "no release of " + name})
		return nil
	}
	return &f.all[i]
}

func (f *fakeSerin) one(w http.ResponseWriter, r *http.Request) {
	if found := f.find(w, r); found != nil {
		json.NewEncoder(w).Encode(found)
	}
}

func (f *fakeSerin) watch(w http.ResponseWriter, r *http.Request) {
	if f.find(w, r) == nil {
		return
	}
	f.mu.Lock()
	f.watches++
	cut := f.watches <= f.cut
	f.mu.Unlock()
	for _, state := range f.story {
		json.NewEncoder(w).Encode(state)
		w.(http.Flusher).Flush()
		if cut {
			return
		}
	}
	<-r.Context().Done()
}

func (f *fakeSerin) act(w http.ResponseWriter, r *http.Request) {
	if f.find(w, r) == nil {
		return
	}
	var act progress.Act
	if err := json.NewDecoder(r.Body).Decode(&act); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if f.refuse != "" {
		w.WriteHeader(http.StatusConflict)
		json.NewEncoder(w).Encode(map[string]string{"error": f.refuse})
		return
	}
	f.mu.Lock()
	f.acts = append(f.acts, act)
	f.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// run runs one command line as main does, and returns what it wrote.
func (f *fakeSerin) run(t *testing.T, args ...string) (out, err string, failed error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return f.runFor(ctx, args...)
}

func (f *fakeSerin) runFor(ctx context.Context, args ...string) (out, err string, failed error) {
	env := map[string]string{"SERIN_SOCKET": f.socket, "USER": "ana", "COLUMNS": "100"}
	var stdout, stderr bytes.Buffer
	root := &cobra.Command{Use: "serin", SilenceErrors: true}
	root.AddCommand(Commands(IO{In: nil, Out: &stdout, Err: &stderr, Env: func(name string) string { return env[name] }, Now: time.Now})...)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	failed = root.ExecuteContext(ctx)
	return stdout.String(), stderr.String(), failed
}
