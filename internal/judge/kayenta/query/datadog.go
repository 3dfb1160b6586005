package query

// datadog asks for a metric in a scope, or for what the template says.
func datadog(r Request, f fields) (string, error) {
	template, err := expand(r, f, map[string]string{"scope": r.Scope.Scope, "location": r.Scope.Location})
	if err != nil || template != "" {
		return template, err
	}
	if err := required("metricName", f.MetricName); err != nil {
		return "", err
	}
	return f.MetricName + "{" + r.Scope.Scope + "}", nil
}
