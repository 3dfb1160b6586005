package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// stackdriver writes a filter for time series. Without a template the type of the resource says how.
func stackdriver(r Request, f fields) (string, error) {
	if err := required("metricType", f.MetricType); err != nil {
		return "", err
	}
	kind := f.ResourceType
	if strings.TrimSpace(kind) == "" {
		kind = r.Scope.Extended.Get("resourceType")
	}
	if kind == "" {
		return "", errors.New("resourceType: is missing")
	}
	project := r.Scope.Extended.Get("project")
	template, err := expand(r, f, map[string]string{
		"project": project, "resourceType": kind, "scope": r.Scope.Scope, "location": r.Scope.Location,
	})
	if err != nil {
		return "", err
	}
	if project == "" {
		project = r.Account.Project
	}
	filters := []string{fmt.Sprintf(`metric.type="%s"`, f.MetricType), "resource.type=" + kind}
	if template != "" {
		return strings.Join(append(filters, template), " AND "), nil
	}
	paved, err := resources(r, kind, project)
	if err != nil {
		return "", err
	}
	return strings.Join(append(filters, paved...), " AND "), nil
}

// labels are the labels of containers that extended parameters may fix, by the type of the resource.
var labels = map[string][]string{
	"k8s_container": {"location", "node_name", "cluster_name", "pod_name", "container_name", "namespace_name"},
	"k8s_pod":       {"location", "node_name", "cluster_name", "pod_name", "container_name", "namespace_name"},
	"k8s_node":      {"location", "node_name", "cluster_name", "pod_name", "container_name", "namespace_name"},
	"gke_container": {"cluster_name", "namespace_id", "instance_id", "pod_id", "container_name", "zone"},
}

// resources filters by the resources of a scope.
func resources(r Request, kind, project string) ([]string, error) {
	scope, location := r.Scope.Scope, r.Scope.Location
	owner := "project=" + project
	instance := kind == "gce_instance" || kind == "aws_ec2_instance"
	switch {
	case instance && location == "":
		return nil, fmt.Errorf("location: is missing; resourceType %s needs the region", kind)
	case (instance || kind == "gae_app") && scope == "":
		return nil, fmt.Errorf("scope: is missing; resourceType %s needs it", kind)
	}
	switch kind {
	case "gce_instance":
		return []string{owner, `metadata.user_labels."spinnaker-region"=` + location,
			`metadata.user_labels."spinnaker-server-group"=` + scope}, nil
	case "aws_ec2_instance":
		return []string{fmt.Sprintf(`resource.labels.region="aws:%s"`, location),
			`metadata.user_labels."aws:autoscaling:groupname"=` + scope}, nil
	case "gae_app":
		filters := []string{owner, "resource.labels.version_id=" + scope}
		if service := r.Scope.Extended.Get("service"); service != "" {
			filters = append(filters, "resource.labels.module_id="+service)
		}
		return filters, nil
	case "global":
		return nil, nil
	}
	if labels[kind] == nil {
		return nil, fmt.Errorf("resourceType: %q is known only with a template", kind)
	}
	return append([]string{owner}, containers(r.Scope.Extended, labels[kind])...), nil
}

func containers(extended Params, labels []string) []string {
	var filters []string
	for _, label := range labels {
		if slices.ContainsFunc(extended, func(p Param) bool { return p.Name == label }) {
			filters = append(filters, "resource.labels."+label+"="+extended.Get(label))
		}
	}
	for _, p := range extended {
		if label, ok := strings.CutPrefix(p.Name, "user_labels."); ok {
			filters = append(filters, fmt.Sprintf(`metadata.user_labels."%s"="%s"`, label, p.Value))
		}
	}
	return filters
}
