package gatewayapi

import (
	"testing"

	"serin.dev/serin/internal/cluster"
)

func TestWatchesWakeTheTargetsOfARoute(t *testing.T) {
	route := empty(httpRoute)
	h := held{Targets: map[string]record{"Deployment/shop/shop": {}, "Deployment/shop/cart": {}}}
	if err := h.Write(route); err != nil {
		t.Fatal(err)
	}
	for _, w := range Driver.Watches {
		if got := w.Targets(t.Context(), nil, route); len(got) != 2 || got[0] != "Deployment/shop/cart" {
			t.Errorf("woken: %v", got)
		}
		if got := w.Targets(t.Context(), nil, empty(httpRoute)); len(got) != 0 {
			t.Errorf("a route that nobody holds wakes %v", got)
		}
	}
	route.SetAnnotations(map[string]string{cluster.TrafficAnnotation: "{"})
	if _, err := readHeld(route); err == nil {
		t.Error("an annotation that cannot be read was read")
	}
}
