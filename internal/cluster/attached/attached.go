package attached

import (
	"cmp"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster/hands"
)

// A Parent is what a route is attached to, as its spec and its status name it.
type Parent struct {
	Group       *string `json:"group"`
	Kind        *string `json:"kind"`
	Namespace   string  `json:"namespace"`
	Name        string  `json:"name"`
	SectionName string  `json:"sectionName"`
	Port        int64   `json:"port"`
}

// full fills in what may be left out.
func (p Parent) full(namespace string) Parent {
	group, kind := "gateway.networking.k8s.io", "Gateway"
	if p.Group == nil {
		p.Group = &group
	}
	if p.Kind == nil {
		p.Kind = &kind
	}
	p.Namespace = cmp.Or(p.Namespace, namespace)
	return p
}

func (p Parent) equal(q Parent) bool {
	return *p.Group == *q.Group && *p.Kind == *q.Kind && p.Namespace == q.Namespace && p.Name == q.Name &&
		p.SectionName == q.SectionName && p.Port == q.Port
}

func (p Parent) String() string { return fmt.Sprintf("%s %s/%s", *p.Kind, p.Namespace, p.Name) }

// A report is what a controller says about a route and one of its parents.
type report struct {
	Parent     Parent             `json:"parentRef"`
	Controller string             `json:"controllerName"`
	Conditions []metav1.Condition `json:"conditions"`
}

// Parents reads those of the route's spec.
func Parents(route *unstructured.Unstructured) ([]Parent, error) {
	var all []Parent
	if err := read(route, &all, "spec", "parentRefs"); err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = all[i].full(route.GetNamespace())
	}
	return all, nil
}

// Unacknowledged says what keeps the route from being known to be in force: empty when all parents that report on it have
// taken up the rules as they are.
func Unacknowledged(route *unstructured.Unstructured) (string, error) {
	attached, err := Parents(route)
	if err != nil {
		return "", err
	}
	var reports []report
	if err := read(route, &reports, "status", "parents"); err != nil {
		return "", err
	}
	heard := false
	for _, r := range reports {
		r.Parent = r.Parent.full(route.GetNamespace())
		for _, p := range attached {
			if !p.equal(r.Parent) {
				continue
			}
			heard = true
			if waits := r.waits(route.GetGeneration()); waits != "" {
				return fmt.Sprintf("%s: %s", hands.Title(route), waits), nil
			}
		}
	}
	if !heard {
		return fmt.Sprintf("%s: no gateway has taken it up", hands.Title(route)), nil
	}
	return "", nil
}

func (r report) waits(generation int64) string {
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		c, ok := condition(r.Conditions, kind)
		switch {
		case !ok:
			return fmt.Sprintf("%s has not said whether it is %s", r.Parent, kind)
		case c.ObservedGeneration < generation:
			return fmt.Sprintf("%s has not seen generation %d yet", r.Parent, generation)
		case c.Status != metav1.ConditionTrue:
			return fmt.Sprintf("%s says not %s (%s): %s", r.Parent, kind, c.Reason, c.Message)
		}
	}
	return ""
}

func condition(all []metav1.Condition, kind string) (metav1.Condition, bool) {
	for _, c := range all {
		if c.Type == kind {
			return c, true
		}
	}
	return metav1.Condition{}, false
}

// read decodes a field of an object; a field that is not there leaves into as it is.
func read(o *unstructured.Unstructured, into any, path ...string) error {
	value, ok, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil || !ok {
		return err
	}
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("read %v of %s: %w", path, hands.Title(o), err)
	}
	return nil
}
