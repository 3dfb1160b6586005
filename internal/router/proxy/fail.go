package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// ErrorHeader names the header that every answer made by the proxy itself carries, and no answer of a backend.
const ErrorHeader = "Serin-Error"

// A Fault is the value of the ErrorHeader: what kept a request from being answered by a backend.
type Fault string

// The faults, with the status each is answered with.
const (
	Refused     Fault = "refused"        // 400: the request could mean something else to a backend
	TooLarge    Fault = "body-too-large" // 413
	NoInstance  Fault = "no-instance"    // 503: nobody was ready in time
	Crowded     Fault = "crowded"        // 503: too many requests wait already
	Unreachable Fault = "unreachable"    // 502: nobody accepted a connection in time
	Broken      Fault = "broken"         // 502: the connection broke, or what came was not HTTP
	TimedOut    Fault = "timed-out"      // 504: the answer did not begin in time
	Internal    Fault = "internal"       // 500: a fault of the proxy
)

func (f Fault) status() int {
	switch f {
	case Refused:
		return http.StatusBadRequest
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case NoInstance, Crowded:
		return http.StatusServiceUnavailable
	case Unreachable, Broken:
		return http.StatusBadGateway
	case TimedOut:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// refuse answers in the proxy's own name. The text says what happened to which target; it names no backend address.
func refuse(w http.ResponseWriter, target string, f Fault, text string) {
	h := w.Header()
	h.Set(ErrorHeader, string(f))
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	body := fmt.Sprintf("serin: target %s: %s\n", target, text)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if f.status() == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if f == Refused || f == TooLarge {
		h.Set("Connection", "close") // what remains of the request is not read
	}
	w.WriteHeader(f.status())
	fmt.Fprint(w, body)
}

// faultOf names an error of a backend.
func faultOf(err error) Fault {
	switch {
	case unsent(err):
		return Unreachable
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	return Broken
}

func (f Fault) text() string {
	switch f {
	case Unreachable:
		return "its instances accept no connections"
	case TimedOut:
		return "the answer did not begin in time"
	case Broken:
		return "the connection to the instance broke before its answer"
	case TooLarge:
		return "the body is too large"
	}
	return string(f)
}
