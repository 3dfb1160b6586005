package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

type knobs struct {
	Name   string `json:"name"`
	Health struct {
		Interval plan.Duration `json:"interval"`
	} `json:"health"`
}

func TestDecodeIsStrictAndNamesTheField(t *testing.T) {
	cases := []struct{ reason, in, want string }{
		{"nothing at all is nothing to refuse", ``, ""},
		{"plain settings", `{"name":"a","health":{"interval":"1m30s"}}`, ""},
		{"a misspelt field is not dropped", `{"nmae":"a"}`, "nmae: no such field"},
		{"a wrong type names its field", `{"name":7}`, "name: want string, not number"},
		{"a duration is not any text", `{"health":{"interval":"soon"}}`, `health.interval: "soon" is not a duration`},
		{"a bare number has no unit", `{"health":{"interval":5}}`, "health.interval: 5 is not a duration"},
		{"a second value is an error", `{} {}`, "more than one value"},
		{"a list is not an object", `[]`, "settings: want"},
		{"cut off", `{"name":`, "unexpected EOF"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			var k knobs
			err := plan.Decode(json.RawMessage(c.in), &k)
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("decode %s: %v", c.in, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("decode %s: got %v, want an error with %q", c.in, err, c.want)
			}
		})
	}
}

func TestDurationSurvivesARoundTrip(t *testing.T) {
	data, err := json.Marshal(plan.Duration(90 * time.Second))
	if err != nil || string(data) != `"1m30s"` {
		t.Fatalf("got %s, %v", data, err)
	}
	var back plan.Duration
	if err := json.Unmarshal(data, &back); err != nil || time.Duration(back) != 90*time.Second {
		t.Fatalf("got %v, %v", time.Duration(back), err)
	}
}
