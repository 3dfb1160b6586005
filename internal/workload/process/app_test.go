package process

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// TestMain is three programs: the tests, the app that the tests run as replicas, and a serin that they kill.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "app":
			app(os.Args[2:])
			return
		case "serin":
			doomedSerin(os.Args[2], os.Args[3])
			return
		case "loiter": // a child of the app that outlives it
			time.Sleep(time.Hour)
		}
	}
	goleak.VerifyTestMain(m)
}

// app is a small server that does what its flags and its callers say.
func app(args []string) {
	flags := flag.NewFlagSet("app", flag.ExitOnError)
	after := flags.Duration("ready-after", 0, "")
	sick := flags.Bool("sick", false, "never become ready")
	crash := flags.Bool("crash", false, "end at once with status 3")
	deaf := flags.Bool("deaf", false, "ignore SIGTERM")
	child := flags.Bool("child", false, "start a child in the same group")
	flags.Parse(args)
	fmt.Println("hello from", os.Getenv("INSTANCE"))
	if *crash {
		fmt.Fprintln(os.Stderr, "cannot find my configuration")
		os.Exit(3)
	}
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	}
	if *child {
		loiterer := exec.Command(os.Args[0], "loiter")
		if err := loiterer.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", loiterer.Process.Pid)
	}
	var healthy atomic.Bool
	time.AfterFunc(*after, func() { healthy.Store(!*sick) })
	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !healthy.Load() {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(append(os.Environ(), "ARGS="+strings.Join(os.Args, " ")))
	})
	http.HandleFunc("/ill", func(http.ResponseWriter, *http.Request) { healthy.Store(false) })
	http.HandleFunc("/well", func(http.ResponseWriter, *http.Request) { healthy.Store(true) })
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(4) })
	http.HandleFunc("/spew", func(http.ResponseWriter, *http.Request) {
		line := strings.Repeat("x", 1023) + "\n"
		for range 3000 {
			if _, err := os.Stdout.WriteString(line); err != nil {
				return
			}
		}
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
	os.Exit(5)
}

// doomedSerin runs two replicas in a directory until it is killed.
func doomedSerin(dir, template string) {
	w, err := New(workload.Env{Dir: dir})
	if err == nil {
		err = w.Apply(neverEnding{}, "Process/checkout", workload.Order{Pools: []workload.PoolOrder{
			{Pool: "v1", Revision: "v1", Template: json.RawMessage(template), Replicas: 2},
		}})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// settings is a template of the app with quick clocks.
type settings struct {
	args    []string
	env     map[string]string
	port    int
	health  map[string]any
	stop    map[string]any
	backoff string
}

func (s settings) json(t testing.TB) json.RawMessage {
	t.Helper()
	health := map[string]any{"path": "/readyz", "interval": "20ms", "unhealthyAfter": 2}
	for k, v := range s.health {
		health[k] = v
	}
	stop := map[string]any{"grace": "5s"}
	for k, v := range s.stop {
		stop[k] = v
	}
	if s.backoff == "" {
		s.backoff = "10ms..80ms"
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{
		"version": "v1", "command": append([]string{self, "app"}, s.args...), "env": s.env, "port": s.port,
		"health": health, "stop": stop, "restart": map[string]any{"backoff": s.backoff},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A stand is a directory with a workload on it.
type stand struct {
	t   *testing.T
	dir string
	w   *Processes
}

const checkout = "Process/checkout"

func newStand(t *testing.T) *stand {
	s := &stand{t: t, dir: t.TempDir()}
	s.open()
	t.Cleanup(s.close)
	return s
}

func (s *stand) open() {
	s.t.Helper()
	w, err := New(workload.Env{Dir: s.dir})
	if err != nil {
		s.t.Fatal(err)
	}
	s.w = w
}

func (s *stand) close() {
	if err := s.w.Close(neverEnding{}); err != nil {
		s.t.Errorf("close: %v", err)
	}
}

func (s *stand) order(template json.RawMessage, replicas int, keep ...string) {
	s.t.Helper()
	kept := map[string]bool{}
	for _, name := range keep {
		kept[name] = true
	}
	err := s.w.Apply(s.t.Context(), checkout, workload.Order{Keep: kept, Pools: []workload.PoolOrder{
		{Pool: "v1", Revision: "v1", Template: template, Replicas: replicas},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) look() plan.Pool {
	s.t.Helper()
	pools, err := s.w.Observe(s.t.Context(), checkout)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(pools) == 0 {
		return plan.Pool{}
	}
	return pools[0]
}

// until waits for the pool to be as wanted.
func (s *stand) until(what string, good func(plan.Pool) bool) plan.Pool {
	s.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		p := s.look()
		if good(p) {
			return p
		}
		select {
		case <-s.w.Changed(checkout):
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			s.t.Fatalf("waiting until %s: still %+v", what, s.look())
		}
	}
}

func (s *stand) ready(n int) plan.Pool {
	s.t.Helper()
	return s.until(fmt.Sprintf("%d are ready", n), func(p plan.Pool) bool { return p.Ready == n && p.Running == n })
}

func (s *stand) record(instance string) record {
	s.t.Helper()
	r, err := readRecord(s.w.shelf.path(instance))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}
