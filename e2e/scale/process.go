package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a tool that runs.
type process struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	err   error
}

func launch(program string, args []string, logTo string) (*process, error) {
	log, err := os.Create(logTo)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program, args...), log: log, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it must not outlive an interrupted benchmark
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// alive says why the process is not running any more.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s has ended: %v; its log is %s", p.cmd.Path, p.err, p.log.Name())
	default:
		return nil
	}
}

// stop ends the process, by force where it takes too long.
func (p *process) stop() {
	defer p.log.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Usage is what a process has used.
type usage struct {
	cpu time.Duration
	rss int64 // bytes
}

// ticks is the unit of times in /proc on Linux (USER_HZ).
const ticks = 100

func usageOf(pid int) (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return u, fmt.Errorf("/proc/%d/stat: %q", pid, stat)
	}
	var n [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss in pages
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return usage{time.Duration(n[0]+n[1]) * time.Second / ticks, n[2] * int64(os.Getpagesize())}, nil
}

// peak looks at a process until the context ends and returns the most memory it was seen to have.
func (p *process) peak(ctx context.Context) (most int64, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		u, err := usageOf(p.cmd.Process.Pid)
		if err != nil {
			return most, fmt.Errorf("%w (%v)", err, p.alive())
		}
		most = max(most, u.rss)
		select {
		case <-ctx.Done():
			return most, nil
		case <-tick.C:
		}
	}
}
