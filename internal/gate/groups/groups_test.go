package groups_test

import (
	"testing"

	"serin.dev/serin/internal/gate/conformance"
	"serin.dev/serin/internal/gate/groups"
)

func TestConformance(t *testing.T) { conformance.Run(t, groups.Driver) }
