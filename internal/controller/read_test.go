package controller

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases/objects"
)

const checkout = `{"target":{"kind":"Deployment","name":"checkout"},"traffic":{"gatewayAPI":{"route":"checkout"}},` +
	`"steps":[{"weight":1,"hold":"2m"},{"weight":25,"hold":"10m"},{"approve":{"group":"sre","within":"4h"}},{"weight":50}],` +
	`"judge":{"failures":{"tolerate":"1.1x","plus":"0.02%"},"latency":{"tolerate":"1.25x"},"objective":{"availability":"99.5%"}}}`

// canaryNamed is a Canary of namespace shop, as old as it is told to be.
func canaryNamed(name, spec string, age time.Duration) *objects.Canary {
	return &objects.Canary{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: types.UID("uid of " + name), Generation: 1,
			CreationTimestamp: metav1.NewTime(time.Unix(1_000_000, 0).Add(-age)),
		},
		Spec: json.RawMessage(spec),
	}
}

func newCanaries() *Canaries {
	return New(Means{Known: catalog.OnCluster(), Metrics: prometheus.NewRegistry()})
}

// What a Canary says follows its generation, and nothing that a round does to it lasts.
func TestRead(t *testing.T) {
	c, canary := newCanaries(), canaryNamed("checkout", checkout, 0)
	first, notes := c.read(canary)
	if notes.Err() || first.Name != "shop/checkout" || first.Target.Key() != "Deployment/shop/checkout" || len(first.Moves) != 4 {
		t.Fatalf("read %+v, %v", first, notes)
	}
	want, _ := c.understand(canary)
	for range 2 {
		d, notes := c.read(canary)
		if !reflect.DeepEqual(d, want) {
			t.Fatalf("read\n%+v\nwant\n%+v", d, want)
		}
		_ = append(notes, compile.Note{})
		d.Target.Replicas, d.Target.Revision, d.Target.Template = 3, "v2", json.RawMessage(`{}`)
		if found := c.try(canary, d); found.Err() {
			t.Fatal(found)
		}
		if _, found := compile.Compile(d, "v1", c.Known.Abilities(d)); found.Err() {
			t.Fatal(found)
		}
	}
	canary.Spec, canary.Generation = json.RawMessage(strings.Replace(checkout, `"hold":"10m"`, `"hold":"1m"`, 1)), 2
	if d, _ := c.read(canary); d.Moves[1].Hold != time.Minute {
		t.Errorf("after an edit the second step holds %s", d.Moves[1].Hold)
	}
	canary.Spec, canary.Generation = json.RawMessage(strings.Replace(checkout, `"weight":25`, `"weight":125`, 1)), 3
	for range 2 {
		if _, notes := c.read(canary); !notes.Err() || !strings.Contains(notes[0].String(), "weight") {
			t.Errorf("a weight of 125 %%: %v", notes)
		}
	}
	canary.Spec, canary.Generation = json.RawMessage(checkout), 4
	if _, notes := c.read(canary); notes.Err() {
		t.Errorf("mended: %v", notes)
	}
}

// What the next release could not be depends on the target too.
func TestTry(t *testing.T) {
	spec := strings.Replace(checkout, `{"weight":50}`, `{"weight":50,"capacity":3}`, 1)
	c, canary := newCanaries(), canaryNamed("checkout", spec, 0)
	d, notes := c.read(canary)
	if notes.Err() {
		t.Fatal(notes)
	}
	for _, replicas := range []int{1, 10, 1} {
		d.Target.Replicas, d.Target.Revision = replicas, plan.Revision("v2")
		_, want := compile.Compile(d, "previous", c.Known.Abilities(d))
		if want.Err() != (replicas == 10) { // of which three do not carry one half
			t.Fatalf("of %d replicas: %v", replicas, want)
		}
		for range 2 {
			if got := c.try(canary, d); !reflect.DeepEqual([]compile.Note(got), []compile.Note(want)) {
				t.Errorf("of %d replicas: %v, want %v", replicas, got, want)
			}
		}
	}
}

// What one round asks of a Canary that has not changed.
func BenchmarkRead(b *testing.B) {
	c, canary := newCanaries(), canaryNamed("checkout", checkout, 0)
	b.ReportAllocs()
	for b.Loop() {
		d, notes := c.read(canary)
		d.Target.Replicas, d.Target.Revision = 2, "v2"
		if notes.Err() || c.try(canary, d).Err() {
			b.Fatal(notes)
		}
	}
}

// The same for one that has.
func BenchmarkReadAnew(b *testing.B) {
	c, canary := newCanaries(), canaryNamed("checkout", checkout, 0)
	b.ReportAllocs()
	for b.Loop() {
		d, notes := c.understand(canary)
		d.Target.Replicas, d.Target.Revision = 2, "v2"
		_, found := compile.Compile(d, "previous", c.Known.Abilities(d))
		if notes.Err() || found.Err() {
			b.Fatal(notes, found)
		}
	}
}
