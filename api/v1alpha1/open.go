package v1alpha1

import (
	"encoding/json"
	"maps"
)

// Traffic, Metrics, Judge and Notify have fields of their own and, beside them, one entry that only a back end understands.
// In JSON they stand side by side; in Go the entry has a map of its own.

// MarshalJSON writes the fields and the router side by side.
func (t Traffic) MarshalJSON() ([]byte, error) {
	type fields Traffic
	return marshalOpen(fields(t), t.Router)
}

// UnmarshalJSON reads what is no field as the router.
func (t *Traffic) UnmarshalJSON(data []byte) error {
	type fields Traffic
	var f fields
	rest, err := unmarshalOpen(data, &f, "sticky")
	*t = Traffic(f)
	t.Router = rest
	return err
}

// MarshalJSON writes the fields and the store side by side.
func (m Metrics) MarshalJSON() ([]byte, error) {
	type fields Metrics
	return marshalOpen(fields(m), m.Source)
}

// UnmarshalJSON reads what is no field as the store.
func (m *Metrics) UnmarshalJSON(data []byte) error {
	type fields Metrics
	var f fields
	rest, err := unmarshalOpen(data, &f, "every")
	*m = Metrics(f)
	m.Source = rest
	return err
}

// MarshalJSON writes the kind and the settings side by side.
func (j Judge) MarshalJSON() ([]byte, error) {
	type fields Judge
	return marshalOpen(fields(j), j.Settings)
}

// UnmarshalJSON reads what is no field as settings.
func (j *Judge) UnmarshalJSON(data []byte) error {
	type fields Judge
	var f fields
	rest, err := unmarshalOpen(data, &f, "kind")
	*j = Judge(f)
	j.Settings = rest
	return err
}

// MarshalJSON writes the fields and the notifier side by side.
func (n Notify) MarshalJSON() ([]byte, error) {
	type fields Notify
	return marshalOpen(fields(n), n.Notifier)
}

// UnmarshalJSON reads what is no field as the notifier.
func (n *Notify) UnmarshalJSON(data []byte) error {
	type fields Notify
	var f fields
	rest, err := unmarshalOpen(data, &f, "name", "on")
	*n = Notify(f)
	n.Notifier = rest
	if on, ok := rest["true"]; ok && err == nil { // `on` in YAML 1.1, which tools of Kubernetes read
		delete(rest, "true")
		err = json.Unmarshal(on, &n.On)
	}
	return err
}

func marshalOpen(fields any, rest map[string]json.RawMessage) ([]byte, error) {
	data, err := json.Marshal(fields)
	if err != nil || len(rest) == 0 {
		return data, err
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, rest)
	return json.Marshal(all)
}

func unmarshalOpen(data []byte, fields any, known ...string) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(data, fields); err != nil {
		return nil, err
	}
	var rest map[string]json.RawMessage
	if err := json.Unmarshal(data, &rest); err != nil {
		return nil, err
	}
	for _, name := range known {
		delete(rest, name)
	}
	if len(rest) == 0 {
		return nil, nil
	}
	return rest, nil
}
