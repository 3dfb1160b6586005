// Package setting reads the `judge:` block, as YAML or JSON, strictly and with positions: unknown fields, wrong units
// and numbers out of range are errors `file:line:column: field: message`, all of them at once.
//
// Units are part of the value: "1.1x" is a ratio (1.1 alone is read alike), "0.02%" a percentage, "500ms" a duration
// (Go's syntax). A percentage without its sign is refused, because 1 and 0.01 could both be meant.
package setting
