package kayenta

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestConfigsAreWrittenBackAsTheyWere(t *testing.T) {
	const text = `{"id":"1","name":"c","description":"","applications":["a"],"createdTimestamp":1500000000000,"owner":{"team":"sre"},
		"judge":{"name":"NetflixACAJudge-v1.0","judgeConfigurations":{"x":[1]},"hue":3},
		"metrics":[{"name":"m","query":{"type":"prometheus","metricName":"up"},"groups":["g"],"scopeName":"default","color":"red",
			"analysisConfigurations":{"canary":{"direction":"increase"},"other":{"y":1}}}],
		"templates":{"t":"a=${scope}"},"classifier":{"groupWeights":{"g":60.5},"scoreThresholds":{"pass":95,"marginal":75},"z":null}}`
	c := mustRead(t, text)
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var was, is map[string]any
	if err := json.Unmarshal([]byte(text), &was); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &is); err != nil {
		t.Fatal(err)
	}
	delete(was, "description") // empty reads as absent
	a, _ := json.Marshal(was)
	b, _ := json.Marshal(is)
	if !bytes.Equal(a, b) {
		t.Errorf("was %s\nis  %s", a, b)
	}
	c.ID = "2"
	again, err := json.Marshal(c)
	if err != nil || !bytes.Contains(again, []byte(`"id":"2"`)) || !bytes.Contains(again, []byte(`"owner":{"team":"sre"}`)) {
		t.Errorf("a changed config: %s, %v", again, err)
	}
}

func TestMistakesInConfigsNameTheField(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"nothing", ``, "not a JSON object"},
		{"a list", `[]`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"broken", `{"name":`, "read canary config"},
		{"more than one", `{} {}`, "read canary config"},
		{"a name that is a number", `{"name":5}`, "name: "},
		{"a weight", `{"classifier":{"groupWeights":{"g":"heavy"}}}`, `classifier: groupWeights.g: "heavy" is not a number`},
		{"a direction", `{"metrics":[{},{"analysisConfigurations":{"canary":{"direction":7}}}]}`, "metrics[1].analysisConfigurations.canary"},
		{"a flag", `{"metrics":[{"analysisConfigurations":{"canary":{"critical":1}}}]}`, "1 is neither true nor false"},
		{"a metric", `{"metrics":[{"name":"a"},{"name":{}}]}`, "metrics[1]: name"},
		{"groups", `{"metrics":[{"groups":"g"}]}`, "metrics[0]: groups"},
		{"null where a number is meant", `{"classifier":{"groupWeights":{"g":null}}}`, "null is not a number"},
		{"too large", `{"name":"` + strings.Repeat("x", ConfigMost) + `"}`, "the most is 10485760"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := ReadConfig([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read: %.200v, want %s", err, c.want)
			}
		})
	}
}

func TestALargeConfigIsRead(t *testing.T) {
	big := `{"description":"` + strings.Repeat("x", 9<<20) + `","classifier":{}}`
	if c := mustRead(t, big); len(c.Description) != 9<<20 {
		t.Errorf("%d bytes of description", len(c.Description))
	}
}

func TestValidateAsksWhatKayentaAsksOnSave(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"no name", `{"applications":["a"]}`, "name: is missing"},
		{"a name with a space", `{"name":"a b","applications":["a"]}`, "name: "},
		{"no application", `{"name":"a"}`, "applications: is missing"},
		{"a metric twice", `{"name":"a","applications":["a"],"metrics":[{"name":"m"},{"name":"n"},{"name":"m"}]}`, `metrics[2].name: "m" is the name of metrics[0]`},
		{"all is well, the comma too", `{"name":"a,B-1_","applications":["a"],"metrics":[{"name":"m"}]}`, ""},
	} {
		err := mustRead(t, c.text).Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	var s Series
	if err := json.Unmarshal([]byte(`[1,-2.5e3,"NaN","Infinity","-Infinity","7.25"]`), &s); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil || string(got) != `[1,-2500,"NaN","Infinity","-Infinity",7.25]` {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{`[null]`, `["nan"]`, `["0x10p1"]`, `[true]`, `[1e999]`, `[{}]`, `[""]`} {
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s was read as %v", bad, s)
		}
	}
}
