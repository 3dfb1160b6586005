package dialect

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

// Known is what this program can use, by the words users write.
type Known struct {
	Routers   map[string]BackEnd // under `traffic:`
	Workloads map[string]BackEnd // kinds of targets
	Metrics   map[string]BackEnd // under `metrics:`
	Judges    map[string]BackEnd // `judge.kind`
	Notifiers map[string]BackEnd // under `notify:`
}

// A BackEnd is what a dialect may know of one: what it can do, and which settings it refuses. Check names the field it
// complains about in front of its message, as in "health.path: must begin with /"; nil accepts everything.
type BackEnd struct {
	Features plan.Features
	Check    func(settings json.RawMessage) error
	// Means names another back end of the kind, where settings written for this one are that one's. May be nil.
	Means func(settings json.RawMessage) string
	// Query is Check for a query of the user's own; of metric stores that answer such, and nil for all others.
	Query func(settings json.RawMessage) error
	Lends []string // the settings that a query takes from the store's own where it leaves them out
	// Asks lists the queries that the judge's settings want to be asked, without their sources; nil: the judge asks none.
	Asks func(settings json.RawMessage) ([]plan.Query, error)
	// Of a workload: the router and the metric store of a Canary that names none; empty: the embedded proxy.
	Router, Metrics string
}

// Without is what is left when modules are switched off, written as "router/istio", "workload/DaemonSet" or "metric/prometheus".
func (k Known) Without(modules []string) (Known, error) {
	k.Routers, k.Workloads, k.Metrics = maps.Clone(k.Routers), maps.Clone(k.Workloads), maps.Clone(k.Metrics)
	rooms := map[string]map[string]BackEnd{"router": k.Routers, "workload": k.Workloads, "metric": k.Metrics}
	for _, module := range modules {
		room, name, _ := strings.Cut(module, "/")
		if _, ok := rooms[room][name]; !ok {
			return k, fmt.Errorf("do without %q: there is no such module", module)
		}
		delete(rooms[room], name)
	}
	return k, nil
}

// Abilities are those of the router and the workload that the draft has chosen.
func (k Known) Abilities(d compile.Draft) compile.Abilities {
	return compile.Abilities{Router: k.Routers[d.Router.Kind].Features, Workload: k.Workloads[d.Target.Kind].Features}
}
