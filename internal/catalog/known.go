package catalog

import (
	"encoding/json"

	"serin.dev/serin/internal/dialect"
)

// A place is where serin releases.
type place func(onCluster bool) bool

func anywhere(bool) bool          { return true }
func cluster(onCluster bool) bool { return onCluster }
func machine(onCluster bool) bool { return !onCluster }

// Known tells dialects what exists, in the words users write.
func Known() dialect.Known { return known(anywhere) }

// OnCluster is what exists on a cluster.
func OnCluster() dialect.Known { return known(cluster) }

// OnMachine is what exists on a single machine.
func OnMachine() dialect.Known { return known(machine) }

func known(at place) dialect.Known {
	k := dialect.Known{
		Routers: map[string]dialect.BackEnd{}, Workloads: map[string]dialect.BackEnd{}, Metrics: map[string]dialect.BackEnd{},
		Judges: map[string]dialect.BackEnd{}, Notifiers: map[string]dialect.BackEnd{},
	}
	for _, d := range Routers {
		if at(d.Cluster) {
			k.Routers[d.Name] = dialect.BackEnd{Features: d.Features, Check: d.Check, Means: d.Means}
		}
	}
	for _, d := range Workloads {
		if at(d.Cluster) {
			k.Workloads[d.Kind] = dialect.BackEnd{Features: d.Features, Check: d.Check, Router: d.Router, Metrics: d.Metrics}
		}
	}
	for _, d := range Metrics {
		if !d.Local || at(false) {
			k.Metrics[d.Name] = dialect.BackEnd{Check: d.Check, Query: d.Query, Lends: d.Lends}
		}
	}
	for _, d := range Judges {
		k.Judges[d.Kind] = dialect.BackEnd{Asks: d.Asks, Check: func(with json.RawMessage) error {
			_, err := d.New(with)
			return err
		}}
	}
	for _, d := range Notifiers {
		k.Notifiers[d.Name] = dialect.BackEnd{Check: d.Check}
	}
	return k
}
