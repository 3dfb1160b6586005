package catalog

import (
	"encoding/json"

	"serin.dev/serin/internal/dialect"
)

// Known tells dialects what exists, in the words users write.
func Known() dialect.Known {
	k := dialect.Known{
		Routers: map[string]dialect.BackEnd{}, Workloads: map[string]dialect.BackEnd{}, Metrics: map[string]dialect.BackEnd{},
		Judges: map[string]dialect.BackEnd{}, Notifiers: map[string]dialect.BackEnd{},
	}
	for _, d := range Routers {
		k.Routers[d.Name] = dialect.BackEnd{Features: d.Features, Check: d.Check}
	}
	for _, d := range Workloads {
		k.Workloads[d.Kind] = dialect.BackEnd{Features: d.Features, Check: d.Check, Router: d.Router, Metrics: d.Metrics}
	}
	for _, d := range Metrics {
		k.Metrics[d.Name] = dialect.BackEnd{Check: d.Check}
	}
	for _, d := range Judges {
		k.Judges[d.Kind] = dialect.BackEnd{Check: func(with json.RawMessage) error {
			_, err := d.New(with)
			return err
		}}
	}
	for _, d := range Notifiers {
		k.Notifiers[d.Name] = dialect.BackEnd{Check: d.Check}
	}
	return k
}
