package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A child is a process that runs, started by this serin or by one before it.
type child struct {
	pid     int
	started string // with the pid it identifies the process
	ended   chan struct{}
	how     string // how it ended; to be read after ended is closed
}

// errGone says that the process is not there any more, or that its pid belongs to another one.
var errGone = errors.New("process is gone")

// spawn starts a replica in a process group of its own. It writes to its log file by itself: a pipe would break with
// serin's death and take the replica with it. Nil out means that there is nowhere to write.
func spawn(t *Template, r record, out *os.File) (*child, error) {
	values := references(r.Port, r.Instance, r.Revision)
	args := make([]string, len(t.Command))
	for i, word := range t.Command {
		args[i] = expand(word, values)
	}
	if _, err := os.Stat(t.Dir); t.Dir != "" && err != nil {
		return nil, fmt.Errorf("enter working directory: %w", err) // the system would say that there is no such program
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = t.Dir
	cmd.Env = t.environ(r, values)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out != nil {
		cmd.Stdout, cmd.Stderr = out, out
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{pid: cmd.Process.Pid, ended: make(chan struct{})}
	c.started, _ = startOf(c.pid) // gone already: Wait tells the story
	go func() {
		cmd.Wait()
		c.how = cmd.ProcessState.String()
		syscall.Kill(-c.pid, syscall.SIGKILL) // what it left behind would keep its port
		close(c.ended)
	}()
	return c, nil
}

// adopt finds the process of a record again. Its end can only be seen by looking, for its parent is dead.
func adopt(ctx context.Context, r record) (*child, error) {
	pid, started := r.Pid, r.Started
	if pid == 0 {
		pid = findMarked(r.Mark)
		started, _ = startOf(pid)
	}
	now, err := startOf(pid)
	if err != nil || pid == 0 || now != started || r.Boot != bootID() {
		return nil, errGone
	}
	c := &child{pid: pid, started: started, ended: make(chan struct{})}
	go c.watch(ctx)
	return c, nil
}

// watch waits for the end of a process that is not ours to wait for.
func (c *child) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if started, err := startOf(c.pid); err != nil || started != c.started {
				c.how = "ended"
				close(c.ended)
				return
			}
		}
	}
}

// signal reaches the whole group, and never a process that only got the same pid.
func (c *child) signal(sig syscall.Signal) error {
	if started, err := startOf(c.pid); err != nil || started != c.started {
		return errGone
	}
	if err := syscall.Kill(-c.pid, sig); err != nil {
		return fmt.Errorf("send %s to process group %d: %w", sig, c.pid, err)
	}
	return nil
}

// sweep kills what a replica left behind while nobody was looking, recognised by its mark.
func sweep(mark string) {
	for _, pid := range marked(mark) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// findMarked returns the leader of the marked process group, 0 when there is none.
func findMarked(mark string) int {
	for _, pid := range marked(mark) {
		if group, err := syscall.Getpgid(pid); err == nil && group == pid {
			return pid
		}
	}
	return 0
}

// marked lists the processes that carry the mark, where the system lets us see environments (Linux).
func marked(mark string) []int {
	if mark == "" {
		return nil
	}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && carries(file, envMark+"="+mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}
