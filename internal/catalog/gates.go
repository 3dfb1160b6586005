package catalog

import (
	"serin.dev/serin/internal/gate"
	"serin.dev/serin/internal/gate/groups"
)

// Keeper says who may approve.
var Keeper gate.Driver = groups.Driver
