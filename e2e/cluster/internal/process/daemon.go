package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A Daemon is a program that runs until it is told to end.
type Daemon struct {
	Name string
	Args []string // the program first
	Env  []string // all of it
}

// A Namespace is where daemons are started.
type Namespace interface {
	Do(func() error) error
}

// A Table keeps the daemons of one cluster: records in one directory, logs in another.
type Table struct {
	Records, Logs string
	Namespace     Namespace
}

// Start starts the daemon unless it runs. It outlives us: a session of its own, its output in a file.
func (t Table) Start(d Daemon) error {
	if _, running := t.Running(d.Name); running {
		return nil
	}
	log, err := os.OpenFile(t.Log(d.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(d.Args[0], d.Args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append([]string{}, d.Env...) // an empty one is not ours
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := t.Namespace.Do(cmd.Start); err != nil {
		return fmt.Errorf("start %s: %w", d.Name, err)
	}
	record, err := Find(cmd.Process.Pid)
	go cmd.Wait() // while we are its parent: a dead daemon must not look alive
	if err != nil {
		return fmt.Errorf("start %s: it ended at once, see %s", d.Name, t.Log(d.Name))
	}
	return record.write(t.record(d.Name))
}

// Running gives the daemon's process, if it runs.
func (t Table) Running(name string) (Record, bool) {
	r, found, err := read(t.record(name))
	return r, err == nil && found && r.Alive()
}

// Stop asks the daemon to end, and ends it when it has not within the given time.
func (t Table) Stop(name string, grace time.Duration) error {
	r, found, err := read(t.record(name))
	if err != nil || !found {
		return err
	}
	if err := End(r, grace); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return os.Remove(t.record(name))
}

// End ends one process: first politely, then not.
func End(r Record, grace time.Duration) error {
	for _, try := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 10 * time.Second}} {
		if err := r.Signal(try.signal); errors.Is(err, os.ErrProcessDone) {
			return nil
		} else if err != nil {
			return fmt.Errorf("signal process %d: %w", r.PID, err)
		}
		for deadline := time.Now().Add(try.wait); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if !r.Alive() {
				return nil
			}
		}
	}
	return fmt.Errorf("process %d survives its end", r.PID)
}

// Log is the file that takes the daemon's output.
func (t Table) Log(name string) string { return filepath.Join(t.Logs, name+".log") }

func (t Table) record(name string) string { return filepath.Join(t.Records, name+".pid") }
