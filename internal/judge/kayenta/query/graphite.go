package query

import "strings"

// graphite puts scope and location into the name of the metric.
func graphite(r Request, f fields) (string, error) {
	if err := required("metricName", f.MetricName); err != nil {
		return "", err
	}
	target := f.MetricName
	if r.Scope.Scope != "" {
		target = strings.ReplaceAll(target, "$scope", r.Scope.Scope)
	}
	if r.Scope.Location != "" {
		target = strings.ReplaceAll(target, "$location", r.Scope.Location)
	}
	return target, nil
}
