package proxy

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		New: func(t *testing.T) router.Router {
			p := New(router.Env{})
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				defer cancel()
				p.Close(ctx)
			})
			return p
		},
		With: json.RawMessage(`{"listen": "127.0.0.1:0", "patience": "200ms"}`),
		URL:  func(r router.Router, target string) string { return "http://" + r.(*Proxy).Addr(target).String() },
		Refused: map[string]json.RawMessage{
			"listen":         json.RawMessage(`{"listen": "8080"}`),
			"colour":         json.RawMessage(`{"colour": "yellow"}`),
			"drain":          json.RawMessage(`{"drain": 30}`),
			"trustedProxies": json.RawMessage(`{"trustedProxies": ["10.0.0.0/40"]}`),
			"connections":    json.RawMessage(`{"limits": {"connections": -1}}`),
			"tls":            json.RawMessage(`{"tls": {"cert": "a.pem"}}`),
		},
	})
}
