package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// A Record names one process for all time (of this boot): pids come back, with another start.
type Record struct {
	PID   int
	Start uint64 // in clock ticks since the boot, as the kernel counts
}

// Find makes the record of a running process.
func Find(pid int) (Record, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Record{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	// pid (name, which may hold anything) state ppid ... : count from the last parenthesis.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, start = 0, 19
	if len(fields) <= start {
		return Record{}, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(fields))
	}
	if fields[state] == "Z" || fields[state] == "X" {
		return Record{}, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	ticks, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("read the start of process %d: %w", pid, err)
	}
	return Record{PID: pid, Start: ticks}, nil
}

// Alive tells whether this very process still runs.
func (r Record) Alive() bool {
	now, err := Find(r.PID)
	return err == nil && now == r
}

// Signal sends a signal to the process if it is still this one.
func (r Record) Signal(s os.Signal) error {
	p, err := os.FindProcess(r.PID) // a pidfd: from here on it is one process, whatever becomes of the pid
	if err != nil {
		return err
	}
	defer p.Release()
	if !r.Alive() {
		return os.ErrProcessDone
	}
	return p.Signal(s)
}

func (r Record) write(path string) error {
	return os.WriteFile(path, fmt.Appendf(nil, "%d %d\n", r.PID, r.Start), 0o644)
}

// read gives the record in a file; a missing file is a record of nothing.
func read(path string) (r Record, found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, err
	}
	if _, err := fmt.Sscanf(string(text), "%d %d\n", &r.PID, &r.Start); err != nil {
		return Record{}, false, fmt.Errorf("read pid record %s: %w", path, err)
	}
	return r, true, nil
}
