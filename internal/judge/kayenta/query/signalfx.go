package query

import (
	"fmt"
	"strings"
)

// signalfx writes a SignalFlow program.
func signalfx(r Request, f fields) (string, error) {
	if err := required("metricName", f.MetricName); err != nil {
		return "", err
	}
	scopeKey, locationKey, err := keys(r)
	if err != nil {
		return "", err
	}
	method := f.AggregationMethod
	if method == "" {
		method = "mean"
	}
	var filters, by []string
	for _, p := range f.QueryPairs {
		filters = append(filters, flow(p.Key, p.Value))
	}
	filters = append(filters, flow(scopeKey, r.Scope.Scope))
	if locationKey != "" {
		filters = append(filters, flow(locationKey, r.Scope.Location))
	}
	for _, p := range r.Scope.Extended {
		if !strings.HasPrefix(p.Name, "_") {
			filters = append(filters, flow(p.Name, p.Value))
			by = append(by, strings.TrimPrefix(p.Name, "!"))
		}
	}
	if locationKey != "" {
		by = append(by, locationKey)
	}
	by = append(by, scopeKey)
	return fmt.Sprintf("data('%s', filter=%s).%s(by=['%s']).publish()",
		f.MetricName, strings.Join(filters, " and "), method, strings.Join(by, "', '")), nil
}

// flow filters by a dimension. A key with "!" before it excludes; commas part several values.
func flow(key, value string) string {
	key, not := strings.CutPrefix(key, "!")
	values := strings.Split(value, ",")
	for i, v := range values {
		values[i] = strings.TrimSpace(v)
	}
	filter := fmt.Sprintf("filter('%s', '%s')", key, strings.Join(values, "', '"))
	if not {
		return "(not " + filter + ")"
	}
	return filter
}
