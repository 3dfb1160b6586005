package native

import (
	"encoding/json"
	"fmt"
	"maps"

	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/plan"
)

// sources takes the queries out of a judge's metrics: whom to ask is not for judges. It returns the settings that are left, and
// the store of each metric in order.
func (w *world) sources(c canary, settings map[string]json.RawMessage, counted plan.Use) (map[string]json.RawMessage, []plan.Use) {
	var metrics []map[string]json.RawMessage
	if json.Unmarshal(settings["metrics"], &metrics) != nil {
		return settings, nil // the judge has words for what is no list of objects, or is missing
	}
	known := map[string]dialect.BackEnd{}
	for name, store := range w.known.Metrics {
		if store.Query != nil {
			known[name] = dialect.BackEnd{Check: store.Query}
		}
	}
	var sources []plan.Use
	for i, metric := range metrics {
		path := fmt.Sprintf("spec.judge.metrics[%d].query", i)
		var given map[string]json.RawMessage
		if err := json.Unmarshal(metric["query"], &given); len(metric["query"]) > 0 && err != nil {
			w.notes.Refuse(c.at(path), "want a store and its query, as in {prometheus: {query: up}}")
			continue
		}
		if len(given) == 0 {
			w.notes.Refuse(c.at(path), "says not whom to ask; give query: {STORE: {...}}, where STORE is %s", list(known))
			continue
		}
		if lent, same := given[counted.Kind]; same {
			given[counted.Kind] = lend(lent, counted.With, w.known.Metrics[counted.Kind].Lends)
		}
		source, _ := w.use(c.places, choice{what: "store of answers", path: path, given: given, known: known})
		sources = append(sources, source)
		delete(metric, "query")
	}
	settings = maps.Clone(settings)
	settings["metrics"] = canonical(metrics)
	return settings, sources
}

// lend fills in what a query leaves out and the same store has under `metrics:`.
func lend(query, from json.RawMessage, fields []string) json.RawMessage {
	var to, own map[string]json.RawMessage
	if json.Unmarshal(query, &to) != nil || json.Unmarshal(from, &own) != nil {
		return query // not objects: their store has words for that
	}
	for _, field := range fields {
		if _, given := to[field]; !given && own[field] != nil {
			to[field] = own[field]
		}
	}
	return canonical(to)
}

// connect tells queries that a judge has written itself how to reach their store: as the counts are reached.
func (w *world) connect(c canary, queries []plan.Query, counted plan.Use) []plan.Query {
	for i := range queries {
		source := &queries[i].Source
		store, known := w.known.Metrics[source.Kind]
		if source.Kind != counted.Kind || !known || store.Query == nil {
			w.notes.Refuse(c.at("spec.judge"), "%s asks %s; say how to reach it in spec.metrics: {%s: {...}}", queries[i].Name, source.Kind, source.Kind)
			return nil
		}
		source.With = lend(source.With, counted.With, store.Lends)
		if err := store.Query(source.With); err != nil {
			w.notes.Refuse(c.at("spec.judge"), "%s: %v", queries[i].Name, err)
			return nil
		}
	}
	return queries
}

// queries joins when a judge asks with whom.
func (w *world) queries(c canary, judge dialect.BackEnd, settings json.RawMessage, sources []plan.Use, counted plan.Use) []plan.Query {
	queries, err := judge.Asks(settings)
	if err != nil {
		w.notes.Refuse(c.at("spec.judge"), "%v", err)
		return nil
	}
	if len(queries) > 0 && queries[0].Source.Kind != "" {
		return w.connect(c, queries, counted)
	}
	if len(queries) != len(sources) {
		return nil // it was told before
	}
	for i := range queries {
		queries[i].Source = sources[i]
		if queries[i].Every == 0 && queries[i].After == 0 {
			w.notes.Warn(c.at(fmt.Sprintf("spec.judge.metrics[%d]", i)),
				"%s is measured once, as soon as the canary gets requests; give it an interval, or an initialDelay", queries[i].Name)
		}
	}
	return queries
}
