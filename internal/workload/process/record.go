package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A record is what must be known of a replica to find it again after serin was killed. It is written before the process
// is started, with Pid 0, and again once its pid is known; in between the Mark in its environment identifies it.
type record struct {
	Instance string        `json:"instance"`
	Target   string        `json:"target"`
	Pool     plan.PoolName `json:"pool"`
	Revision plan.Revision `json:"revision"`
	Ordinal  int           `json:"ordinal"`
	Number   int           `json:"number"` // of the start; larger is younger
	Digest   string        `json:"digest"` // of the template
	Mark     string        `json:"mark"`
	Boot     string        `json:"boot"` // pids and start times mean nothing after another boot
	Pid      int           `json:"pid,omitempty"`
	Started  string        `json:"started,omitempty"` // as the system tells it, to be compared only
	Port     int           `json:"port"`
	Health   Health        `json:"health"` // enough to look after it until the template is ordered again
	Stop     Stop          `json:"stop"`
	Leaving  bool          `json:"leaving,omitempty"`
}

// url is where the replica answers.
func (r record) url() string { return "http://127.0.0.1:" + strconv.Itoa(r.Port) }

// A shelf keeps the records of one directory. It is locked while in use: two serins that restarted each other's
// replicas would never come to rest.
type shelf struct {
	dir  string
	lock *os.File

	mu       sync.Mutex
	next     int // number of the next start
	reserved int // numbers below are reserved on disk
}

// block is how many numbers are reserved with one write; after a crash at most as many are skipped.
const block = 32

func openShelf(dir string) (*shelf, error) {
	for _, sub := range []string{"instances", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("create directory of processes: %w", err)
		}
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	return &shelf{dir: dir, lock: lock}, nil
}

// takeLock is patient for a second: a process that a killed serin was just starting holds the lock until its exec.
func takeLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for patience := time.Now().Add(time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return lock, nil
		}
		if time.Now().After(patience) {
			lock.Close()
			return nil, fmt.Errorf("lock %s: another serin uses it: %w", filepath.Dir(path), err)
		}
	}
}

func (s *shelf) close() error { return s.lock.Close() }

// load reads all records and continues the numbering. A record that cannot be read is put aside as *.bad and reported.
func (s *shelf) load() ([]record, error) {
	files, err := os.ReadDir(filepath.Join(s.dir, "instances"))
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	var records []record
	var problems []error
	for _, entry := range files {
		if filepath.Ext(entry.Name()) != ".json" {
			continue
		}
		file := filepath.Join(s.dir, "instances", entry.Name())
		r, err := readRecord(file)
		if err != nil {
			problems = append(problems, err, os.Rename(file, file+".bad"))
			continue
		}
		records = append(records, r)
		s.next = max(s.next, r.Number)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "sequence"))
	if err == nil {
		var last int
		last, err = strconv.Atoi(strings.TrimSpace(string(text)))
		s.next = max(s.next, last)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problems = append(problems, fmt.Errorf("read sequence: %w", err))
	}
	s.reserved = s.next
	s.next++
	return records, errors.Join(problems...)
}

func readRecord(file string) (record, error) {
	var r record
	data, err := os.ReadFile(file)
	if err != nil {
		return r, fmt.Errorf("read record: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read record %s: %w", file, err)
	}
	if r.Instance == "" || r.Instance+".json" != filepath.Base(file) || r.Target == "" {
		return r, fmt.Errorf("read record %s: it speaks of instance %q of %q", file, r.Instance, r.Target)
	}
	return r, nil
}

// number hands out a number never used before in this directory. The error says that it may be used again after a crash.
func (s *shelf) number() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.next
	s.next++
	if n <= s.reserved {
		return n, nil
	}
	ceiling := n + block - 1
	if err := workload.ReplaceFile(filepath.Join(s.dir, "sequence"), []byte(strconv.Itoa(ceiling)+"\n")); err != nil {
		return n, fmt.Errorf("reserve instance numbers: %w", err)
	}
	s.reserved = ceiling
	return n, nil
}

func (s *shelf) path(instance string) string {
	return filepath.Join(s.dir, "instances", instance+".json")
}

func (s *shelf) save(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record of %s: %w", r.Instance, err)
	}
	if err := workload.ReplaceFile(s.path(r.Instance), data); err != nil {
		return fmt.Errorf("write record of %s: %w", r.Instance, err)
	}
	return nil
}

func (s *shelf) remove(instance string) error {
	if err := os.Remove(s.path(instance)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove record of %s: %w", instance, err)
	}
	return nil
}
