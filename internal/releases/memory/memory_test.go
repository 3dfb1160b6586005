package memory_test

import (
	"testing"

	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/conformance"
	"serin.dev/serin/internal/releases/memory"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) releases.Store { return memory.New() })
}
