package disk

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) storage.Store { return open(t, filepath.Join(t.TempDir(), "kayenta.db")) })
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "kayenta.db")
	s := open(t, path)
	if err := s.Put(context.Background(), storage.Configs, "a", "a.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, time.Now); err == nil || !strings.Contains(err.Error(), "in use by another serin") {
		t.Errorf("a second opening: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	if data, err := s.Get(context.Background(), storage.Configs, "a"); err != nil || string(data) != "1" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kayenta.db")
	s := open(t, path)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(meta).Put(formatKey, binary.BigEndian.AppendUint32(nil, format+1))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, time.Now); err == nil || !strings.Contains(err.Error(), "left as it is") {
		t.Errorf("got %v", err)
	}
}
