package process

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// serinKilled starts a serin in a process of its own, waits until its two replicas are recorded, and kills it with SIGKILL.
func serinKilled(t *testing.T, dir string, template json.RawMessage) []record {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serin", dir, string(template))
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var records []record
	eventually(t, "both replicas are recorded", func() bool {
		records = nil
		files, _ := filepath.Glob(filepath.Join(dir, "instances", "*.json"))
		for _, file := range files {
			if r, err := readRecord(file); err == nil && r.Pid != 0 {
				records = append(records, r)
			}
		}
		return len(records) == 2
	})
	cmd.Process.Kill()
	cmd.Wait()
	return records
}

func TestNextSerinAdoptsWhatTheKilledOneLeft(t *testing.T) {
	s := &stand{t: t, dir: t.TempDir()}
	template := settings{}.json(t)
	records := serinKilled(t, s.dir, template)

	s.open()
	t.Cleanup(s.close)
	adopted := s.ready(2) // before any order: traffic needs it now
	for _, r := range records {
		if !slices.Contains(adopted.Endpoints, plan.Endpoint{Instance: r.Instance, URL: r.url()}) {
			t.Errorf("%s is missing in %+v", r.Instance, adopted)
		}
	}
	s.order(template, 2)
	if p := s.look(); !slices.Equal(p.Endpoints, adopted.Endpoints) || p.Running != 2 {
		t.Errorf("the order replaced what was adopted: %+v", p)
	}
	get(t, records[0].url()+"/spew") // it still has somewhere to write
	get(t, records[0].url()+"/crash")
	after := s.until("the crashed one is replaced", func(p plan.Pool) bool {
		return p.Ready == 2 && !slices.ContainsFunc(p.Endpoints, func(e plan.Endpoint) bool { return e.Instance == records[0].Instance })
	})
	for _, e := range after.Endpoints {
		if e.Instance != records[1].Instance && s.record(e.Instance).Number <= records[1].Number {
			t.Errorf("%s has a number that was used before", e.Instance)
		}
	}
	s.order(template, 0)
	s.until("all are stopped", func(p plan.Pool) bool { return p.Running == 0 })
	for _, r := range records {
		if _, err := startOf(r.Pid); err == nil {
			t.Errorf("%s still runs", r.Instance)
		}
	}
}

func TestStartThatWasNotYetRecordedIsFoundByItsMark(t *testing.T) {
	s := &stand{t: t, dir: t.TempDir()}
	template := settings{}.json(t)
	records := serinKilled(t, s.dir, template)
	// As if serin had been killed between the start of the process and the second record.
	unsure := records[0]
	unsure.Pid, unsure.Started = 0, ""
	shelf := &shelf{dir: s.dir}
	if err := shelf.save(unsure); err != nil {
		t.Fatal(err)
	}
	s.open()
	t.Cleanup(s.close)
	if p := s.ready(2); p.Endpoints[0].Instance != records[0].Instance {
		t.Errorf("got %+v", p)
	}
}

func TestForeignProcessIsNeverTouched(t *testing.T) {
	foreign := exec.Command(os.Args[0], "loiter")
	foreign.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { foreign.Process.Kill(); foreign.Wait() }()
	started, err := startOf(foreign.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ reason, started, boot string }{
		{"the pid was given to another process", started + "0", bootID()},
		{"the machine was started again", started, "another boot"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			s := &stand{t: t, dir: t.TempDir()}
			s.open()
			s.close()
			old := record{
				Instance: "checkout-v1-0.7", Target: checkout, Pool: "v1", Revision: "v1", Number: 7, Mark: "none",
				Boot: c.boot, Pid: foreign.Process.Pid, Started: c.started, Port: 1,
			}
			if err := s.w.shelf.save(old); err != nil {
				t.Fatal(err)
			}
			s.open()
			t.Cleanup(s.close)
			if p := s.look(); p.Running != 0 {
				t.Errorf("it was adopted: %+v", p)
			}
			s.order(settings{}.json(t), 1)
			if p := s.ready(1); p.Endpoints[0].Instance == old.Instance {
				t.Errorf("the name was used again: %+v", p)
			}
			s.order(settings{}.json(t), 0)
			if now, err := startOf(foreign.Process.Pid); err != nil || now != started {
				t.Fatal("a foreign process was killed")
			}
		})
	}
}

func TestLeaveKeepsThemRunning(t *testing.T) {
	s := newStand(t)
	template := settings{}.json(t)
	s.order(template, 1)
	before := s.ready(1)
	if err := s.w.Leave(); err != nil {
		t.Fatal(err)
	}
	get(t, before.Endpoints[0].URL+"/env")
	s.open()
	s.order(template, 1)
	if after := s.ready(1); !slices.Equal(after.Endpoints, before.Endpoints) {
		t.Errorf("got %+v, before %+v", after, before)
	}
}

func TestBrokenRecordIsPutAside(t *testing.T) {
	s := newStand(t)
	s.close()
	broken := filepath.Join(s.dir, "instances", "checkout-v1-0.1.json")
	if err := os.WriteFile(broken, []byte(`{"instance":`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open()
	if _, err := os.Stat(broken + ".bad"); err != nil {
		t.Error(err)
	}
	s.order(settings{}.json(t), 1)
	s.ready(1)
}

// However often serin is killed, and wherever in a start, afterwards there are as many processes as were ordered.
func TestNoProcessIsLostHoweverOftenSerinIsKilled(t *testing.T) {
	if bootID() == "" {
		t.Skip("SKIPPED: this system does not show the environment of processes, by which an unrecorded start is found (Linux does)")
	}
	s := &stand{t: t, dir: t.TempDir()}
	tribe := rand.Text()
	template := settings{env: map[string]string{"TRIBE": tribe}}.json(t)
	for i := range 12 {
		cmd := exec.Command(os.Args[0], "serin", s.dir, string(template))
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i*i) * time.Millisecond) // the moment of death, not a wait for anything
		cmd.Process.Kill()
		cmd.Wait()
	}
	s.open()
	t.Cleanup(s.close)
	s.order(template, 2)
	p := s.ready(2)
	want := []int{s.record(p.Endpoints[0].Instance).Pid, s.record(p.Endpoints[1].Instance).Pid}
	slices.Sort(want)
	if got := members(tribe); !slices.Equal(got, want) {
		t.Errorf("processes %v run, the records know %v", got, want)
	}
}

// members lists the processes that were started with the variable TRIBE.
func members(tribe string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, file := range files {
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && carries(file, "TRIBE="+tribe) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
