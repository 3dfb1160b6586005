package prometheus

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock that a test moves by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// shop is the usual question: two pods of stable, one of canary.
func shop(with string) metric.Question {
	return metric.Question{
		Target: "Deployment/shop/checkout", With: json.RawMessage(with),
		Tracks: map[plan.TrackName][]plan.Endpoint{
			plan.Stable: {{Instance: "a@111111", URL: "http://10.0.0.1:9898"}, {Instance: "b@222222", URL: "http://10.0.0.2:9898"}},
			plan.Canary: {{Instance: "c@333333", URL: "http://10.0.0.3:9898"}},
		},
		Services: map[plan.TrackName]string{plan.Stable: "checkout", plan.Canary: "checkout-canary"},
	}
}

func openStore(t *testing.T, c *clock) *Store {
	s := newStore(nil, c.now)
	t.Cleanup(func() {
		for key := range s.desk.connections.all {
			s.desk.connections.refused(key)
		}
	})
	return s
}

var refused = map[string]json.RawMessage{
	"preset":               json.RawMessage(`{"preset":"cobol"}`),
	"address":              json.RawMessage(`{"address":"prometheus:9090"}`),
	"address: holds":       json.RawMessage(`{"address":"http://me:secret@prometheus:9090"}`),
	"requests.metric":      json.RawMessage(`{"requests":{}}`),
	"duration.metric":      json.RawMessage(`{"duration":{"metric":"x{}"}}`),
	"failures.match":       json.RawMessage(`{"failures":{"match":{"code":"5.("}}}`),
	"failures.labels":      json.RawMessage(`{"failures":{"labels":{"a b":"c"}}}`),
	"labels.pod":           json.RawMessage(`{"labels":{"pod":"a-b"}}`),
	"service":              json.RawMessage(`{"preset":"envoy","service":"({service}"}`),
	"unit":                 json.RawMessage(`{"unit":"h"}`),
	"timeout":              json.RawMessage(`{"timeout":"soon"}`),
	"headers":              json.RawMessage(`{"headers":{"authorization":"Bearer x"}}`),
	"auth":                 json.RawMessage(`{"auth":{"bearer":{"file":"x"},"basic":{"username":"x","password":{"file":"x"}}}}`),
	"auth.bearer":          json.RawMessage(`{"auth":{"bearer":{}}}`),
	"auth.basic.username":  json.RawMessage(`{"auth":{"basic":{"password":{"file":"x"}}}}`),
	"auth.oauth2.tokenURL": json.RawMessage(`{"auth":{"oauth2":{"clientID":"x","clientSecret":{"file":"x"}}}}`),
	"auth.tls":             json.RawMessage(`{"auth":{"tls":{"cert":{"file":"x"}}}}`),
	"password":             json.RawMessage(`{"auth":{"basic":{"username":"x","password":"secret"}}}`),
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{Driver: Driver, Refused: refused, Start: func(t *testing.T) conformance.Bench {
		s := newServer(t)
		c := &clock{time.Now()}
		pods := map[string]*counts{"a": {}, "b": {}, "c": {}}
		for name := range pods {
			s.set(1, "up", "namespace", "shop", "pod", name, "instance", name+":9797")
		}
		q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
		q.Tracks = map[plan.TrackName][]plan.Endpoint{
			plan.Stable: {{Instance: "a", URL: "http://10.0.0.1"}, {Instance: "b", URL: "http://10.0.0.2"}},
			plan.Canary: {{Instance: "c", URL: "http://10.0.0.3"}},
		}
		return conformance.Bench{
			Store: openStore(t, c), Question: q,
			Answer: func(name string, n int, failed bool, took time.Duration) {
				status := map[bool]string{false: "200", true: "503"}[failed]
				pods[name].answer(n, status, took)
				pods[name].show(s, "http_request_duration_seconds", "namespace", "shop", "pod", name, "instance", name+":9797")
				c.at = c.at.Add(shared)
			},
			Break: func(name string) {
				s.stale("pod", name)
				c.at = c.at.Add(shared)
			},
		}
	}})
}
