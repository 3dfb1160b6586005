package cluster

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestMemo(t *testing.T) {
	m := NewMemo[string]()
	reads := 0
	ask := func(id types.UID, version, want string, wantReads int, why string) {
		t.Helper()
		got, err := m.Of(id, version, func() (string, error) { reads++; return fmt.Sprint(id, version), nil })
		if err != nil || got != want || reads != wantReads {
			t.Errorf("%s: got %q after %d reads, %v; want %q after %d", why, got, reads, err, want, wantReads)
		}
	}
	ask("a", "1", "a1", 1, "never read")
	ask("a", "1", "a1", 1, "read before")
	ask("b", "1", "b1", 2, "another object")
	ask("a", "2", "a2", 3, "changed")
	ask("a", "1", "a1", 4, "the older version again, from a cache that lags")
	ask("a", "2", "a2", 5, "one version is remembered")
	m.Forget("a")
	ask("a", "2", "a2", 6, "forgotten")
	ask("", "1", "1", 7, "an object that was never stored")
	ask("", "1", "1", 8, "an object that was never stored")
	trouble := errors.New("trouble")
	for range 2 {
		if _, err := m.Of("c", "1", func() (string, error) { reads++; return "", trouble }); !errors.Is(err, trouble) {
			t.Errorf("got %v", err)
		}
	}
	if reads != 10 {
		t.Errorf("an error was remembered: %d reads", reads)
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemo[int]()
		reads := 0
		ask := func(id string) {
			if _, err := m.Of(types.UID(id), "1", func() (int, error) { reads++; return reads, nil }); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			ask("asked")
			time.Sleep(unasked / 2)
		}
		if reads != 1 {
			t.Errorf("what is asked for all the time was read %d times", reads)
		}
		for i := range most + 1 {
			ask(fmt.Sprint(i))
		}
		if n := m.size(); n == 0 || n > most {
			t.Errorf("%d are remembered, at most %d are to be", n, most)
		}
		time.Sleep(2*unasked + time.Second)
		if n := m.size(); n != 0 {
			t.Errorf("%d are remembered that nobody asks for", n)
		}
	})
}
