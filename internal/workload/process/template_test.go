package process

import (
	"encoding/json"
	"testing"
	"time"
)

// refused are templates by the field that their error has to name.
var refused = map[string]json.RawMessage{
	"command":                 json.RawMessage(`{}`),
	"command[1]":              json.RawMessage(`{"command":["a","--port=$(PROT)"]}`),
	"commands":                json.RawMessage(`{"commands":["a"]}`),
	"env.PORT":                json.RawMessage(`{"command":["a"],"env":{"PORT":"80"}}`),
	"env.SERIN_MARK":          json.RawMessage(`{"command":["a"],"env":{"SERIN_MARK":"x"}}`),
	"env.ADDR":                json.RawMessage(`{"command":["a"],"env":{"ADDR":"$(HOST):1"}}`),
	"env: \"A=B\"":            json.RawMessage(`{"command":["a"],"env":{"A=B":"x"}}`),
	"port":                    json.RawMessage(`{"command":["a"],"port":70000}`),
	"health.path":             json.RawMessage(`{"command":["a"],"health":{"path":"readyz"}}`),
	"health.tcp":              json.RawMessage(`{"command":["a"],"health":{"path":"/","tcp":true}}`),
	"health.interval":         json.RawMessage(`{"command":["a"],"health":{"interval":"often"}}`),
	"health.timeout":          json.RawMessage(`{"command":["a"],"health":{"timeout":"-1s"}}`),
	"health.startup":          json.RawMessage(`{"command":["a"],"health":{"startup":30}}`),
	"health.healthyAfter":     json.RawMessage(`{"command":["a"],"health":{"healthyAfter":-1}}`),
	"health.unhealthyAfter":   json.RawMessage(`{"command":["a"],"health":{"unhealthyAfter":-2}}`),
	"stop.signal":             json.RawMessage(`{"command":["a"],"stop":{"signal":"SIGPOLITE"}}`),
	"stop.grace":              json.RawMessage(`{"command":["a"],"stop":{"grace":"-1s"}}`),
	"restart.backoff: \"1s\"": json.RawMessage(`{"command":["a"],"restart":{"backoff":"1s"}}`),
	"restart.backoff: want":   json.RawMessage(`{"command":["a"],"restart":{"backoff":5}}`),
}

func TestTemplateDefaults(t *testing.T) {
	got, err := decode(json.RawMessage(`{"version":"v2","command":["./shop"]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := got.Health
	if !h.TCP || time.Duration(h.Interval) != time.Second || time.Duration(h.Timeout) != time.Second ||
		h.HealthyAfter != 1 || h.UnhealthyAfter != 3 || time.Duration(h.Startup) != time.Minute {
		t.Errorf("health %+v", h)
	}
	if got.Stop.Signal != "SIGTERM" || time.Duration(got.Stop.Grace) != 10*time.Second {
		t.Errorf("stop %+v", got.Stop)
	}
	if got.Restart.Backoff != (Backoff{time.Second, time.Minute}) {
		t.Errorf("restart %+v", got.Restart)
	}
}

func TestExpand(t *testing.T) {
	values := references(8080, "checkout-v2-0.3", "v2")
	cases := []struct{ reason, in, want string }{
		{"the port as a word", "$(PORT)", "8080"},
		{"inside a word, twice", "--a=:$(PORT),:$(PORT)", "--a=:8080,:8080"},
		{"all names", "$(INSTANCE) of $(REVISION)", "checkout-v2-0.3 of v2"},
		{"kept with a second dollar", "$$(PORT) costs $5", "$(PORT) costs $5"},
		{"shell words stay words", "$PORT ${PORT} `id` ; rm", "$PORT ${PORT} `id` ; rm"},
	}
	for _, c := range cases {
		if got := expand(c.in, values); got != c.want {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}
