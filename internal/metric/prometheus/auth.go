package prometheus

import "serin.dev/serin/internal/metric/client"

// How serin shows Prometheus who it is.
type (
	// Auth is one way, or none.
	Auth = client.Auth
	// Basic is a name and a password.
	Basic = client.Basic
	// Secret is kept in one key of a Secret, or in a file.
	Secret = client.Secret
)
