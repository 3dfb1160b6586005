package query

import (
	"errors"
	"fmt"
	"strings"
)

// prometheus averages a metric over the series that the filters leave. A template gives filters, or, behind "PromQL:", the
// whole query; without one the type of the resource does.
func prometheus(r Request, f fields) (string, error) {
	kind := f.ResourceType
	if strings.TrimSpace(kind) == "" {
		kind = r.Scope.Extended.Get("resourceType")
	}
	project := r.Scope.Extended.Get("project")
	template, err := expand(r, f, map[string]string{
		"project": project, "resourceType": kind, "scope": r.Scope.Scope, "location": r.Scope.Location,
	})
	if err != nil {
		return "", err
	}
	if whole, ok := strings.CutPrefix(template, "PromQL:"); ok {
		return whole, nil
	}
	if err := required("metricName", f.MetricName); err != nil {
		return "", err
	}
	var filters []string
	if template = strings.TrimRight(template, ","); template != "" {
		filters = append([]string{template}, f.LabelBindings...)
	} else {
		paved, err := instances(r, kind, project)
		if err != nil {
			return "", err
		}
		filters = append(append(filters, f.LabelBindings...), paved...)
	}
	query := "avg(" + f.MetricName + "{" + strings.Join(filters, ",") + "})"
	if len(f.GroupByFields) > 0 {
		query += " by (" + strings.Join(f.GroupByFields, ",") + ")"
	}
	return query, nil
}

// instances filters by the instances of a server group, as Google and Amazon name them.
func instances(r Request, kind, project string) ([]string, error) {
	scope, location := r.Scope.Scope, r.Scope.Location
	switch {
	case kind == "":
		return nil, errors.New("resourceType: is missing, and there is no template")
	case kind != "gce_instance" && kind != "aws_ec2_instance":
		return nil, fmt.Errorf("resourceType: %q is known only with a template", kind)
	case location == "":
		return nil, fmt.Errorf("location: is missing; resourceType %s needs the region", kind)
	}
	var filters []string
	if kind == "aws_ec2_instance" {
		if scope != "" {
			filters = append(filters, fmt.Sprintf(`asg_groupName="%s"`, scope))
		}
		return append(filters, fmt.Sprintf(`zone=~"%s.{1}"`, location)), nil
	}
	label := r.Account.ScopeLabel
	if label == "" {
		label = "instance"
	}
	if scope != "" {
		filters = append(filters, fmt.Sprintf(`%s=~"%s-.{4}"`, label, scope))
	}
	if project != "" {
		project = "projects/" + project + "/"
	}
	return append(filters, fmt.Sprintf(`zone=~".+/%szones/%s-.{1}"`, project, location)), nil
}
