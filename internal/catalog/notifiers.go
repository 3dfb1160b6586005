package catalog

import (
	"serin.dev/serin/internal/notify"
)

// Notifiers lists who can be told what happened.
var Notifiers = []notify.Driver{
}
