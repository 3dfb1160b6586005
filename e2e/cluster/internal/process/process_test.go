package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// here is the namespace of the test itself.
type here struct{}

func (here) Do(f func() error) error { return f() }

func table(t *testing.T) Table {
	return Table{Records: t.TempDir(), Logs: t.TempDir(), Namespace: here{}}
}

func TestDaemonIsStartedOnceAndStopped(t *testing.T) {
	daemons, sleep := table(t), Daemon{Name: "sleep", Args: []string{"sleep", "60"}}
	if err := daemons.Start(sleep); err != nil {
		t.Fatal(err)
	}
	first, running := daemons.Running("sleep")
	if !running {
		t.Fatal("it does not run after its start")
	}
	t.Cleanup(func() { End(first, 0) })
	if err := daemons.Start(sleep); err != nil {
		t.Fatal(err)
	}
	if second, _ := daemons.Running("sleep"); second != first {
		t.Errorf("a second start made %v of %v", second, first)
	}
	if err := daemons.Stop("sleep", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, running := daemons.Running("sleep"); running || first.Alive() {
		t.Error("it runs after its end")
	}
	if err := daemons.Stop("sleep", 10*time.Second); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestDaemonThatDoesNotListenIsEnded(t *testing.T) {
	daemons := table(t)
	deaf := Daemon{Name: "deaf", Args: []string{"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}}
	if err := daemons.Start(deaf); err != nil {
		t.Fatal(err)
	}
	r, _ := daemons.Running("deaf")
	t.Cleanup(func() { End(r, 0) })
	await(t, func() bool { log, _ := os.ReadFile(daemons.Log("deaf")); return strings.Contains(string(log), "ready") })
	if err := daemons.Stop("deaf", 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if r.Alive() {
		t.Error("it runs after its end")
	}
}

func TestForeignProcessIsLeftAlone(t *testing.T) {
	foreign := exec.Command("sleep", "60")
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { foreign.Process.Kill(); foreign.Wait() })
	now, err := Find(foreign.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	daemons := table(t)
	before := Record{PID: now.PID, Start: now.Start - 1} // the pid was another's once
	if err := before.write(filepath.Join(daemons.Records, "old.pid")); err != nil {
		t.Fatal(err)
	}
	if _, running := daemons.Running("old"); running {
		t.Error("another process is taken for the daemon")
	}
	if err := daemons.Stop("old", time.Second); err != nil {
		t.Fatal(err)
	}
	if !now.Alive() {
		t.Error("another process was ended")
	}
}

func TestDeadDaemonDoesNotLookAlive(t *testing.T) {
	daemons := table(t)
	if err := daemons.Start(Daemon{Name: "short", Args: []string{"sh", "-c", "read line; echo ended >&2"}}); err != nil {
		if !strings.Contains(err.Error(), "it ended at once") {
			t.Fatal(err)
		}
	}
	await(t, func() bool { _, running := daemons.Running("short"); return !running })
	await(t, func() bool { log, _ := os.ReadFile(daemons.Log("short")); return string(log) == "ended\n" })
}

func TestZombieIsNotAlive(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	await(t, func() bool { _, err := Find(cmd.Process.Pid); return err != nil }) // it has ended, and nobody has asked
}

func TestRecordWithRubbish(t *testing.T) {
	daemons := table(t)
	if err := os.WriteFile(filepath.Join(daemons.Records, "x.pid"), []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := daemons.Stop("x", time.Second); err == nil {
		t.Error("a broken record was taken")
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 seconds")
		}
	}
}
