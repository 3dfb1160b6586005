// Package log is the notifier that writes one structured line per message into serin's own log: at level warn what a
// person should look at (a rollback, a question), at level info the rest. It has no settings.
package log
