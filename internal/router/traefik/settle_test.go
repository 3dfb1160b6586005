package traefik

import (
	"testing"
	"time"

	"serin.dev/serin/internal/router/conformance"
)

// What Observe waits for without a word from Traefik has to be enough: the default of settle is held against the real lag.
func TestTraefikFollowsWithinSettle(t *testing.T) {
	settings, err := decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	lag := conformance.Lag(t, newSite(t).subject("route"))
	t.Logf("Traefik followed within %s", lag)
	if settle := time.Duration(*settings.Settle); lag > settle {
		t.Errorf("Traefik followed after %s, and settle is %s", lag, settle)
	}
}
