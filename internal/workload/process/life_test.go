package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		if strings.HasSuffix(url, "/crash") {
			return ""
		}
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return string(body)
}

func TestReplicaGetsItsEnvironmentAndNothingElse(t *testing.T) {
	t.Setenv("DATABASE_PASSWORD", "serin's own secret")
	t.Setenv("TZ", "Europe/Madrid")
	s := newStand(t)
	s.order(settings{
		env: map[string]string{"ADDR": ":$(PORT)", "WHO": "$(INSTANCE)/$(REVISION)", "PLAIN": "$$(PORT)"},
	}.json(t), 1)
	e := s.ready(1).Endpoints[0]
	var env []string
	if err := json.Unmarshal([]byte(get(t, e.URL+"/env")), &env); err != nil {
		t.Fatal(err)
	}
	port := strings.TrimPrefix(e.URL, "http://127.0.0.1:")
	for _, want := range []string{
		"PORT=" + port, "ADDR=:" + port, "WHO=" + e.Instance + "/v1", "PLAIN=$(PORT)", "TZ=Europe/Madrid",
		"INSTANCE=" + e.Instance, "REVISION=v1", "PATH=" + os.Getenv("PATH"),
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	if strings.Contains(strings.Join(env, "\n"), "DATABASE_PASSWORD") {
		t.Error("serin's own environment was handed on")
	}
	info, err := os.Stat(s.w.shelf.path(e.Instance))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("record: %v, %v", info, err)
	}
}

func TestUnreadyReplicaLeavesEndpointsAndComesBack(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 2)
	e := s.ready(2).Endpoints[0]
	get(t, e.URL+"/ill")
	ill := s.until("one is unready", func(p plan.Pool) bool { return p.Ready == 1 })
	if len(ill.Endpoints) != 1 || ill.Endpoints[0] == e || ill.Running != 2 || !strings.Contains(ill.Trouble, "GET /readyz: 503") {
		t.Errorf("got %+v", ill)
	}
	get(t, e.URL+"/well")
	if well := s.ready(2); !slices.Contains(well.Endpoints, e) || well.Trouble != "" {
		t.Errorf("the same process must come back without trouble: %+v", well)
	}
}

func TestCrashedReplicaIsReplacedUnderANewName(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 1)
	before := s.ready(1).Endpoints[0]
	get(t, before.URL+"/crash")
	after := s.until("another one is ready", func(p plan.Pool) bool { return p.Ready == 1 && p.Endpoints[0].Instance != before.Instance })
	if !regexp.MustCompile(`^checkout-v1-0\.\d+$`).MatchString(after.Endpoints[0].Instance) {
		t.Errorf("named %s", after.Endpoints[0].Instance)
	}
	if _, err := os.Stat(s.w.shelf.path(before.Instance)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the record of the old one: %v", err)
	}
}

func TestCrashLoopTellsItsStory(t *testing.T) {
	s := newStand(t)
	s.order(settings{args: []string{"-crash"}}.json(t), 1)
	p := s.until("it crashed four times", func(p plan.Pool) bool { return strings.Contains(p.Trouble, ", 4 times in ") })
	for _, want := range []string{"exit status 3", "last output:", "cannot find my configuration"} {
		if !strings.Contains(p.Trouble, want) {
			t.Errorf("%q is missing in %q", want, p.Trouble)
		}
	}
	if p.Ready != 0 || len(p.Endpoints) != 0 {
		t.Errorf("got %+v", p)
	}
	s.order(settings{args: []string{"-crash"}}.json(t), 0)
	s.until("the loop has ended", func(p plan.Pool) bool { return p.Running == 0 && p.Trouble == "" })
}

func TestLogsOfACrashLoopAreBounded(t *testing.T) {
	s := newStand(t)
	s.order(settings{args: []string{"-crash"}, backoff: "1ms..1ms"}.json(t), 1)
	s.until("it crashed often", func(p plan.Pool) bool {
		return regexp.MustCompile(`, [3-9]\d times in`).MatchString(p.Trouble)
	})
	logs, err := filepath.Glob(filepath.Join(s.dir, "logs", "*"))
	if err != nil || len(logs) > logsKept+2 {
		t.Errorf("%d logs, %v", len(logs), err)
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	s := newStand(t)
	s.order(json.RawMessage(`{"command":["./no-such-program"],"restart":{"backoff":"10ms..20ms"}}`), 1)
	s.until("trouble tells", func(p plan.Pool) bool {
		return strings.Contains(p.Trouble, "no such file") && strings.Contains(p.Trouble, "times in")
	})
}

func TestReplicaThatNeverGetsReadyIsReplaced(t *testing.T) {
	s := newStand(t)
	s.order(settings{args: []string{"-sick"}, health: map[string]any{"startup": "150ms"}}.json(t), 1)
	s.until("it was replaced twice", func(p plan.Pool) bool {
		return strings.Contains(p.Trouble, "not ready within 150ms, 2 times")
	})
}

func TestSlowStartIsNotACrash(t *testing.T) {
	s := newStand(t)
	s.order(settings{args: []string{"-ready-after", "300ms"}}.json(t), 1)
	if p := s.ready(1); !strings.HasSuffix(p.Endpoints[0].Instance, ".1") {
		t.Errorf("it was started again: %+v", p)
	}
}

func TestProcessDeafToSIGTERMIsKilledAfterItsGrace(t *testing.T) {
	s := newStand(t)
	s.order(settings{args: []string{"-deaf"}, stop: map[string]any{"grace": "100ms"}}.json(t), 1)
	e := s.ready(1).Endpoints[0]
	pid := s.record(e.Instance).Pid
	s.order(settings{args: []string{"-deaf"}, stop: map[string]any{"grace": "100ms"}}.json(t), 0)
	s.until("it is gone", func(p plan.Pool) bool { return p.Running == 0 })
	if _, err := startOf(pid); err == nil {
		t.Errorf("process %d still runs", pid)
	}
}

func TestStopReachesTheWholeGroup(t *testing.T) {
	for _, how := range []string{"stopped", "crashed"} {
		t.Run(how, func(t *testing.T) {
			s := newStand(t)
			template := settings{args: []string{"-child"}}.json(t)
			s.order(template, 1)
			e := s.ready(1).Endpoints[0]
			out := tail(filepath.Join(s.dir, "logs", e.Instance+".log"))
			pid, err := strconv.Atoi(regexp.MustCompile(`child (\d+)`).FindStringSubmatch(out)[1])
			if err != nil {
				t.Fatal(err)
			}
			if how == "crashed" {
				get(t, e.URL+"/crash")
			} else {
				s.order(template, 0)
			}
			s.until("it is gone", func(p plan.Pool) bool { return !slices.Contains(p.Endpoints, e) })
			eventually(t, "the child of the replica is gone", func() bool { _, err := startOf(pid); return err != nil })
		})
	}
}

func eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !good() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestFixedPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	s := newStand(t)
	s.order(settings{port: port}.json(t), 1)
	s.until("trouble names the port", func(p plan.Pool) bool {
		return strings.Contains(p.Trouble, fmt.Sprintf("port %d is taken by another program", port))
	})
	l.Close()
	s.ready(1)
	s.order(settings{port: port}.json(t), 2)
	s.until("trouble names the replica that has it", func(p plan.Pool) bool {
		return strings.Contains(p.Trouble, fmt.Sprintf("port %d is taken by checkout-v1-0.", port))
	})
}

func TestLeavingReplicaIsCalledBack(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 2)
	two := s.ready(2).Endpoints
	s.order(settings{}.json(t), 1, two[0].Instance, two[1].Instance)
	if p := s.look(); p.Ready != 1 || p.Running != 2 {
		t.Fatalf("got %+v", p)
	}
	s.order(settings{}.json(t), 2)
	if p := s.look(); !slices.Equal(p.Endpoints, two) {
		t.Errorf("got %v, want both back at once: %v", p.Endpoints, two)
	}
}

func TestChangedTemplateNeedsARevisionOfItsOwn(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 1)
	s.ready(1)
	err := s.w.Apply(t.Context(), checkout, workload.Order{Pools: []workload.PoolOrder{
		{Pool: "v1", Revision: "v1", Template: settings{args: []string{"-sick"}}.json(t), Replicas: 1},
	}})
	if err == nil || !strings.Contains(err.Error(), "revision of its own") {
		t.Errorf("got %v", err)
	}
}

func TestTooManyReplicas(t *testing.T) {
	s := newStand(t)
	err := s.w.Apply(t.Context(), checkout, workload.Order{Pools: []workload.PoolOrder{
		{Pool: "v1", Revision: "v1", Template: settings{}.json(t), Replicas: MaxReplicas + 1},
	}})
	if err == nil || !strings.Contains(err.Error(), "1001 replicas") {
		t.Errorf("got %v", err)
	}
}

func TestCloseStopsAndRefusesFurtherOrders(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 2)
	pid := s.record(s.ready(2).Endpoints[0].Instance).Pid
	s.close()
	if _, err := startOf(pid); err == nil {
		t.Errorf("process %d outlived its workload", pid)
	}
	if err := s.w.Apply(t.Context(), checkout, workload.Order{}); err == nil {
		t.Error("an order after the end was taken")
	}
	s.open() // for the clean-up, and to see that the lock was given back
	if p := s.look(); p.Running != 0 {
		t.Errorf("got %+v", p)
	}
}

func TestCloseKillsWhenItsTimeIsUp(t *testing.T) {
	s := &stand{t: t, dir: t.TempDir()}
	s.open()
	s.order(settings{args: []string{"-deaf"}, stop: map[string]any{"grace": "1h"}}.json(t), 1)
	pid := s.record(s.ready(1).Endpoints[0].Instance).Pid
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := startOf(pid); err == nil {
		t.Errorf("process %d still runs", pid)
	}
}

func TestOneSerinPerDirectory(t *testing.T) {
	s := newStand(t)
	if _, err := New(workload.Env{Dir: s.dir}); err == nil || !strings.Contains(err.Error(), "another serin") {
		t.Errorf("got %v", err)
	}
}
