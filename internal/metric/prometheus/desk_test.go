package prometheus

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

func TestEqualQuestionsShareAnAnswer(t *testing.T) {
	s := newServer(t)
	s.requests(5, "c", "x", "200")
	c := &clock{time.Now()}
	store := openStore(t, c)
	q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if got, err := store.Read(t.Context(), q); err != nil || got.Tracks[plan.Canary]["c@333333"].Requests != 5 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wait.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("20 equal questions took %d queries", n)
	}
	s.requests(6, "c", "x", "200")
	c.at = c.at.Add(shared)
	got, err := store.Read(t.Context(), q)
	if err != nil || got.Tracks[plan.Canary]["c@333333"].Requests != 6 || s.asked.Load() != 2 {
		t.Errorf("a second later: got %+v, %v, %d queries", got, err, s.asked.Load())
	}
	q.Target = "Deployment/other/checkout"
	if _, err := store.Read(t.Context(), q); err == nil || s.asked.Load() != 3 {
		t.Error("another namespace got the same answer")
	}
}

func TestWhoGoesAwayDoesNotEndTheAsking(t *testing.T) {
	entered, open := make(chan struct{}), make(chan struct{})
	s := newServer(t)
	s.requests(5, "c", "x", "200")
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-open
		s.ServeHTTP(w, r)
	}))
	defer slow.Close()
	store := openStore(t, &clock{time.Now()})
	q := shop(fmt.Sprintf(`{"address":%q,"timeout":"20s"}`, slow.URL))
	first, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := store.Read(first, q); left <- err }()
	<-entered
	second := make(chan error)
	go func() { _, err := store.Read(t.Context(), q); second <- err }()
	cancel()
	if err := <-left; err == nil {
		t.Error("the first has gone away and got an answer")
	}
	close(open)
	if err := <-second; err != nil {
		t.Errorf("the second: %v", err)
	}
}

func TestHostileServers(t *testing.T) {
	cases := []struct {
		reason, want string
		handler      http.HandlerFunc
	}{
		{"it never answers", "deadline exceeded", func(_ http.ResponseWriter, r *http.Request) {
			select { // its body is unread, so the server does not see the client go
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		}},
		{"it answers without end", "longer than 16 MiB", func(w http.ResponseWriter, r *http.Request) {
			block := bytes.Repeat([]byte(" "), 1<<16)
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}},
		{"it is a web page", "query http", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+strings.Repeat("hello ", 1000)) }},
		{"it refuses", "401", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }},
		{"it is no vector", "want a vector", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`)
		}},
		{"it does not understand", "parse error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error"}`)
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			s := httptest.NewServer(c.handler)
			defer s.Close()
			timeout := "20s"
			if strings.Contains(c.want, "deadline") {
				timeout = "100ms"
			}
			got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), shop(fmt.Sprintf(`{"address":%q,"timeout":%q}`, s.URL, timeout)))
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 || len(got.Tracks) > 0 {
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestAddressesOfTheLinkAreNotAsked(t *testing.T) {
	for _, address := range []string{"http://169.254.169.254", "http://[fe80::1]:9090", "http://0.0.0.0:9090", "http://[::ffff:169.254.169.254]"} {
		_, err := openStore(t, &clock{time.Now()}).Read(t.Context(), shop(fmt.Sprintf(`{"address":%q}`, address)))
		if err == nil || !strings.Contains(err.Error(), "not asked for metrics") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWithoutAnAddress(t *testing.T) {
	if _, err := openStore(t, &clock{time.Now()}).Read(t.Context(), shop(`{}`)); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("got %v", err)
	}
}
