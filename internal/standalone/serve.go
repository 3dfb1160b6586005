package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/releases"
)

// Limits of the socket's server.
const (
	bodyLimit = 64 << 10
	readIn    = 5 * time.Second
	newsEvery = 200 * time.Millisecond // at most this often a watcher is told
)

// serve answers the command line on the socket until the context ends. The socket file's permissions decide who may speak;
// nothing else listens.
func (r *Runner) serve(ctx context.Context, sock net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"version": r.Version})
	})
	mux.HandleFunc("GET /v1/releases", r.list)
	mux.HandleFunc("GET /v1/releases/{name}", r.get)
	mux.HandleFunc("GET /v1/releases/{name}/watch", r.watch)
	mux.HandleFunc("POST /v1/releases/{name}/acts", r.act)
	server := &http.Server{
		Handler: mux, ReadTimeout: readIn, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(sock) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve socket %s: %w", sock.Addr(), err)
	case <-ctx.Done():
		return server.Close()
	}
}

func (r *Runner) list(w http.ResponseWriter, q *http.Request) {
	targets, err := r.Store.Targets()
	if err != nil {
		refuse(w, err)
		return
	}
	list := progress.List{Items: []progress.Release{}}
	for _, t := range targets {
		item, err := r.progress(q.Context(), t.Latest)
		if err != nil {
			refuse(w, err)
			return
		}
		list.Items = append(list.Items, item)
	}
	answer(w, http.StatusOK, list)
}

func (r *Runner) get(w http.ResponseWriter, q *http.Request) {
	p, err := r.named(q)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, p)
}

// watch writes the release as one line now and whenever it has changed, until the client leaves.
func (r *Runner) watch(w http.ResponseWriter, q *http.Request) {
	var last *progress.Release
	for out := http.NewResponseController(w); ; {
		changed := r.news.wait()
		p, err := r.named(q)
		if err != nil {
			if last == nil {
				refuse(w, err)
			}
			return
		}
		if last == nil || !progress.Same(*last, p) {
			last = &p
			if json.NewEncoder(w).Encode(p) != nil || out.Flush() != nil {
				return
			}
		}
		if !pause(q.Context(), newsEvery, nil) || !pause(q.Context(), time.Second, changed) {
			return
		}
	}
}

// pause waits for a time or a signal, and reports whether to go on.
func pause(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-early:
	}
	return true
}

func (r *Runner) named(q *http.Request) (progress.Release, error) {
	_, name, err := r.find(q.PathValue("name"))
	if err != nil {
		return progress.Release{}, err
	}
	return r.progress(q.Context(), name)
}

// find looks a name up: a Canary means its latest release.
func (r *Runner) find(name string) (releases.Target, string, error) {
	targets, err := r.Store.Targets()
	if err != nil {
		return releases.Target{}, "", err
	}
	for _, t := range targets {
		if t.Owner == name {
			return t, t.Latest, nil
		}
	}
	release, _, err := r.Store.Release(name)
	if err != nil {
		return releases.Target{}, "", err
	}
	t, err := r.Store.Target(release.Target)
	return t, name, err
}

func (r *Runner) progress(ctx context.Context, name string) (progress.Release, error) {
	facts, err := r.Loop.Facts(ctx, name)
	if err != nil {
		return progress.Release{}, err
	}
	r.mu.Lock()
	if now := r.trouble[facts.Target]; now != "" {
		facts.Trouble = now
	}
	r.mu.Unlock()
	if notes := r.Invalid(); len(notes) > 0 {
		facts.Trouble = "the changed files are not used: " + notes[0].String()
	}
	return progress.Of(facts), nil
}

// refuse answers an error by its kind: not there, or not possible now.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusConflict
	if errors.Is(err, releases.ErrNotFound) {
		status = http.StatusNotFound
	}
	complain(w, status, err)
}

func complain(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone away; nothing is left to say
}
