package catalog

import (
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/notify/log"
	"serin.dev/serin/internal/notify/webhook"
)

// Notifiers lists who can be told what happened.
var Notifiers = []notify.Driver{
	log.Driver,
	webhook.Driver,
}
