package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// newrelic writes NRQL. Of the extended parameters those that begin with "_" are settings: _scope_key and _location_key name
// the attributes that hold scope and location; the others become conditions.
func newrelic(r Request, f fields) (string, error) {
	s := r.Scope
	step := strconv.FormatInt(int64(s.Step/time.Second), 10)
	start, end := strconv.FormatInt(s.Start.Unix(), 10), strconv.FormatInt(s.End.Unix(), 10)
	timed := r
	timed.Scope.Extended = append(append(Params{}, s.Extended...), Param{"startEpochSeconds", start}, Param{"endEpochSeconds", end})
	template, err := expand(timed, f, map[string]string{"scope": s.Scope, "location": s.Location, "step": step})
	if err != nil || template != "" {
		return template, err
	}
	if err := required("select", f.Select); err != nil {
		return "", err
	}
	scopeKey, locationKey, err := keys(r)
	if err != nil {
		return "", err
	}
	query := f.Select
	if !strings.HasPrefix(query, "SELECT") {
		query = "SELECT " + strings.TrimSpace(query)
	}
	resolution := step + " seconds"
	if s.Step < time.Second {
		resolution = "MAX"
	}
	var where []string
	if f.Q != "" {
		where = append(where, f.Q)
	}
	like := func(key, value string) { where = append(where, fmt.Sprintf("%s LIKE '%s'", key, value)) }
	for _, p := range s.Extended {
		if !strings.HasPrefix(p.Name, "_") {
			like(p.Name, p.Value)
		}
	}
	like(scopeKey, s.Scope)
	if locationKey != "" {
		like(locationKey, s.Location)
	}
	return fmt.Sprintf("%s TIMESERIES %s SINCE %s UNTIL %s WHERE %s", query, resolution, start, end, strings.Join(where, " AND ")), nil
}

// keys name the dimensions of scope and location; that of the location may be absent.
func keys(r Request) (scope, location string, err error) {
	if scope = r.Scope.Extended.Get("_scope_key"); scope == "" {
		scope = r.Account.DefaultScopeKey
	}
	if location = r.Scope.Extended.Get("_location_key"); location == "" {
		location = r.Account.DefaultLocationKey
	}
	if scope == "" {
		return "", "", fmt.Errorf("extendedScopeParams._scope_key: is missing, and the account has no default scope key")
	}
	return scope, location, nil
}
