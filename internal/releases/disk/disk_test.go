package disk

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) releases.Store {
		s, err := Open(filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// written makes a file with one release in it and closes it.
func written(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(conformance.Sample(1), func(*releases.Target) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSurvivesReopening(t *testing.T) {
	path := written(t)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, _, err := s.Release("shop-1"); err != nil || r.Plan.Canary != "v2" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Every file that cannot be used is refused by name, and not a byte of it changes.
func TestRefusedFilesStayAsTheyAre(t *testing.T) {
	for reason, spoil := range map[string]func(t *testing.T, path string){
		"damaged": func(t *testing.T, path string) { // both meta pages are gone
			overwrite(t, path, 0, bytes.Repeat([]byte{0xff}, 8192))
		},
		"no state file": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("hello, I am a text\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"newer": func(t *testing.T, path string) { setFormat(t, path, releases.Format+1) },
	} {
		t.Run(reason, func(t *testing.T) {
			path := written(t)
			spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(path)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, "left as it is") {
				t.Errorf("the error does not name the file and what becomes of it: %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// A file with a hole in any of its pages is either refused or read correctly; it never takes the program with it.
func TestDamageAnywhereIsSurvived(t *testing.T) {
	path := written(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for page := 0; page*4096 < len(whole); page++ {
		damaged := bytes.Clone(whole)
		copy(damaged[page*4096:], bytes.Repeat([]byte{0x5a}, 512))
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			refused++
			continue
		}
		if _, _, err := s.Release("shop-1"); err != nil {
			t.Errorf("page %d: opened, and then: %v", page, err)
		}
		s.Close()
	}
	if refused == 0 {
		t.Error("no damage was noticed at all")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := written(t)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "in use by another serin") {
		t.Errorf("a second opening: %v", err)
	}
}

func overwrite(t *testing.T, path string, at int64, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
}

func setFormat(t *testing.T, path string, n uint32) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(meta).Put(formatKey, binary.BigEndian.AppendUint32(nil, n))
	}); err != nil {
		t.Fatal(err)
	}
}
