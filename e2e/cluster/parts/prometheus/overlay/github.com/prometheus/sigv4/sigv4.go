// Package sigv4 signs nothing here: remote write and Alertmanager on AWS bring AWS's clients.
package sigv4

import (
	"errors"
	"net/http"
)

// NewSigV4RoundTripper refuses.
func NewSigV4RoundTripper(*SigV4Config, http.RoundTripper) (http.RoundTripper, error) {
	return nil, errors.New("sigv4 is left out of this build")
}
