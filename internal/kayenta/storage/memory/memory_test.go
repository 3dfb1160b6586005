package memory

import (
	"testing"
	"time"

	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) storage.Store { return New(time.Now) })
}
