package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// influxdb writes InfluxQL. A scope is name:value. A template must hold ${timeFilter} and ${scope}, and may hold ${step}.
func influxdb(r Request, f fields) (string, error) {
	if r.Scope.Start.IsZero() || r.Scope.End.IsZero() {
		return "", errors.New("start and end: are missing")
	}
	during := fmt.Sprintf("time >= '%s' AND time < '%s'", instant(r.Scope.Start), instant(r.Scope.End))
	scope, err := condition(r.Scope.Scope)
	if err != nil {
		return "", err
	}
	query := ""
	if f.CustomInlineTemplate != "" {
		query, err = influxTemplate(r, f, during, scope)
	} else if err = required("metricName", f.MetricName); err == nil {
		query = influxSelect(f, during, scope)
	}
	if err != nil {
		return "", err
	}
	return query, harmless(query)
}

func influxSelect(f fields, during, scope string) string {
	fields := "*::field"
	if len(f.Fields) > 0 {
		fields = strings.Join(f.Fields, ", ")
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s", fields, f.MetricName, during)
	if scope != "" {
		query += " AND " + scope
	}
	return query
}

func influxTemplate(r Request, f fields, during, scope string) (string, error) {
	template := unescape(f.CustomInlineTemplate)
	switch {
	case !strings.Contains(template, "${timeFilter}"):
		return "", errors.New("customInlineTemplate: ${timeFilter} is required")
	case !strings.Contains(template, "${scope}"):
		return "", errors.New("customInlineTemplate: ${scope} is required")
	case scope == "":
		return "", errors.New("scope: is missing; the template asks for it")
	}
	step := strconv.FormatInt(int64(r.Scope.Step/time.Second), 10) + "s"
	return strings.NewReplacer("${timeFilter}", during, "${scope}", scope, "${step}", step).Replace(template), nil
}

// condition turns name:value into name = 'value'. No scope is no condition.
func condition(scope string) (string, error) {
	if scope == "" {
		return "", nil
	}
	name, value, ok := strings.Cut(strings.TrimRight(scope, ":"), ":")
	if !ok || name == "" || strings.Contains(value, ":") {
		return "", fmt.Errorf("scope: %q is not name:value, for instance autoscaling_group:myapp-prod-v002", scope)
	}
	return fmt.Sprintf("%s = '%s'", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)), nil
}

// harmless refuses what is not one plain selection. Kayenta looks for semicolons, comments and SHOW; InfluxDB would also
// write, or change itself, by other verbs and by INTO.
func harmless(query string) error {
	words := strings.Fields(strings.ToUpper(query))
	if len(words) == 0 || words[0] != "SELECT" || strings.ContainsAny(query, ";") || strings.Contains(query, "--") {
		return errors.New("query type not allowed: only a single SELECT is")
	}
	for _, w := range words {
		if w == "SHOW" || w == "INTO" {
			return fmt.Errorf("query type not allowed: %s", w)
		}
	}
	return nil
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
