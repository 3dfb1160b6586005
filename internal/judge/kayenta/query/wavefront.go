package query

// wavefront aggregates the series of a metric. Summarization and granularity travel beside the query.
func wavefront(r Request, f fields) (string, error) {
	if err := required("metricName", f.MetricName); err != nil {
		return "", err
	}
	query := f.MetricName
	if r.Scope.Scope != "" {
		query += ", " + r.Scope.Scope
	}
	query = "ts(" + query + ")"
	if f.Aggregate != "" {
		query = f.Aggregate + "(" + query + ")"
	}
	return query, nil
}
