package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDiskThatTakesNoMore(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 1)
	s.ready(1)
	// A file where the directory was fails every write, also for root, as a full disk does.
	for _, sub := range []string{"logs", "instances"} {
		dir := filepath.Join(s.dir, sub)
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.order(settings{}.json(t), 3)
	s.ready(3)
	s.order(settings{}.json(t), 1)
	s.ready(1)
}

func TestLogIsTurnedOver(t *testing.T) {
	s := newStand(t)
	s.order(settings{}.json(t), 1)
	e := s.ready(1).Endpoints[0]
	path := filepath.Join(s.dir, "logs", e.Instance+".log")
	get(t, e.URL+"/spew")
	eventually(t, "the log is short again", func() bool {
		info, err := os.Stat(path)
		old, errOld := os.Stat(path + ".1")
		return err == nil && errOld == nil && info.Size() < logLimit && old.Size() == logLimit
	})
	get(t, e.URL+"/spew") // the replica goes on writing into the same file
	if !strings.Contains(tail(path), "xxxx") {
		t.Error("nothing is written after the log was turned over")
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "line %d \x1b[31mred\x1b[0m\a\n", i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	got := tail(path)
	lines := strings.Split(got, "\n")
	if len(lines) != tailRows || lines[tailRows-1] != "line 999 [31mred[0m" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	if strings.ContainsAny(got, "\x1b\a") {
		t.Error("control characters reach the terminal")
	}
	if got := tail(path + ".none"); got != "" {
		t.Errorf("no log: got %q", got)
	}
}
