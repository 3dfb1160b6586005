package v1alpha1

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What only a back end understands stands beside the fields, there and back.
func TestEntriesStandBesideFields(t *testing.T) {
	for _, text := range []string{
		`{"target":{"kind":"Deployment","name":"shop"},"traffic":{"gatewayAPI":{"route":"shop"},"sticky":{"cookie":"a"}},"metrics":{"every":"5s","scrape":{}},"judge":{"failures":{"plus":"1%"},"kind":"sequential"},"notify":[{"name":"chat","on":["entered"],"slack":{"b":"c"}}]}`,
		`{"target":{"kind":"Deployment","name":"shop"},"steps":[{"weight":"12.5"}],"traffic":{},"judge":{"kind":"none"}}`,
	} {
		var spec, again CanarySpec
		if err := json.Unmarshal([]byte(text), &spec); err != nil {
			t.Fatal(err)
		}
		back, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(back, &again); err != nil || !reflect.DeepEqual(spec, again) {
			t.Errorf("%s\nis written as\n%s: %v", text, back, err)
		}
		var a, b any
		if json.Unmarshal([]byte(text), &a) != nil || json.Unmarshal(back, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s\nis written as\n%s", text, back)
		}
	}
	var n Notify
	if err := json.Unmarshal([]byte(`{"true":["entered"],"slack":{}}`), &n); err != nil || len(n.On) != 1 || len(n.Notifier) != 1 {
		t.Errorf("a key that YAML 1.1 took for a truth value: %+v, %v", n, err)
	}
	if err := json.Unmarshal([]byte(`[]`), &n); err == nil {
		t.Error("a list was read as a notifier")
	}
}
