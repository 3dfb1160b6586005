package reconcile

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/memory"
)

func newLoop(store releases.Store) *Loop {
	return New(Means{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

func shop(canary string) Beginning {
	return Beginning{Canary: canary, Plan: plan.Plan{Target: "Process/shop", Canary: "v1"}, Full: 2}
}

func TestOldReleasesAreDropped(t *testing.T) {
	store := memory.New()
	l := newLoop(store)
	full := errors.New("disk full")
	for n := range Kept + 10 {
		store.Before = func(what string) error {
			if n == Kept+4 && strings.HasPrefix(what, "forget") { // one cannot be dropped when its time has come
				return full
			}
			return nil
		}
		if _, err := l.Begin(shop("shop")); err != nil {
			t.Fatalf("release %d: %v", n+1, err)
		}
	}
	names, err := store.Releases()
	if err != nil || len(names) != Kept || names[0] != "shop-11" || !slices.Contains(names, "shop-30") {
		t.Errorf("kept %v, %v; want the newest %d", names, err, Kept)
	}
}

func TestSecondOwnerIsToldWhoOwns(t *testing.T) {
	l := newLoop(memory.New())
	if _, err := l.Begin(shop("shop")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(shop("other")); err == nil || !strings.Contains(err.Error(), "owned by Canary shop") {
		t.Errorf("a second owner: %v", err)
	}
}
