package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/proxy"
)

// serveBackend answers /N with N bytes.
func serveBackend(address string) error {
	body := make([]byte, 1<<20)
	for i := range body {
		body[i] = byte('a' + i%26)
	}
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil || n < 0 || n > len(body) {
			http.Error(w, "want /N", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Write(body[:n])
	}))
}

// serveProxy serves until it is told to end.
func serveProxy(address, backend string) error {
	if file := os.Getenv("BENCH_PROFILE"); file != "" {
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	with, err := json.Marshal(map[string]any{"listen": address})
	if err != nil {
		return err
	}
	p := proxy.New(router.Env{})
	err = p.Apply(context.Background(), "bench", router.Order{
		Traffic:   plan.Traffic{Shares: plan.Shares{plan.Stable: 900, plan.Canary: 100}},
		Endpoints: map[plan.TrackName][]plan.Endpoint{plan.Stable: {{Instance: "a", URL: backend}}, plan.Canary: {{Instance: "b", URL: backend}}},
		With:      with,
	})
	if err != nil {
		return err
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	<-told
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("close proxy: %w", err)
	}
	return nil
}
