package gatewayapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/internal/plan"
)

// A rule is one of a route, as the API server gave it: what it says that nobody here knows must survive.
type rule map[string]any

// mine is how the names of serin's rules begin.
const mine = "serin-"

func (r rule) name() string { return text(r, "name") }

func (r rule) clone() rule { return runtime.DeepCopyJSON(r) }

// maps returns the list of objects in a field.
func (r rule) maps(field string) []map[string]any {
	list, _ := r[field].([]any)
	var all []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// setMaps writes such a list; none leaves the field out.
func (r rule) setMaps(field string, all []map[string]any) {
	if len(all) == 0 {
		delete(r, field)
		return
	}
	list := make([]any, len(all))
	for i, m := range all {
		list[i] = m
	}
	r[field] = list
}

// digest tells whether a rule still is what was written. It leaves out the names that serin gives: a cluster whose CRDs know no
// names of rules drops them.
func (r rule) digest() string {
	if strings.HasPrefix(r.name(), mine) {
		r = r.clone()
		delete(r, "name")
	}
	text, err := json.Marshal(r) // keys in order
	if err != nil {
		return "" // what came from JSON can be written as such
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// at says which rule it is, for people.
func (r rule) at(index int) string {
	if name := r.name(); name != "" {
		return fmt.Sprintf("rule %s", name)
	}
	return fmt.Sprintf("rule %d", index)
}

// prefixReplaced reports whether the rule's path match decides what the back end sees.
func (r rule) prefixReplaced() bool {
	for _, f := range r.maps("filters") {
		for _, kind := range []string{"urlRewrite", "requestRedirect"} {
			if filter, ok := f[kind].(map[string]any); ok {
				if path, ok := filter["path"].(map[string]any); ok && path["replacePrefixMatch"] != nil {
					return true
				}
			}
		}
	}
	return false
}

// service returns the name of the Service that a backendRef means; false for one of another kind or namespace.
func service(ref map[string]any, namespace string) (string, bool) {
	kind, group, ns := text(ref, "kind"), text(ref, "group"), text(ref, "namespace")
	return text(ref, "name"), (kind == "" || kind == "Service") && group == "" && (ns == "" || ns == namespace)
}

// weight is a backendRef's; 1 where it has none.
func weight(ref map[string]any) int64 {
	if w, ok := ref["weight"].(int64); ok {
		return w
	}
	return 1
}

// shares reads how a rule splits its requests among the Services of tracks. False: it sends elsewhere as well, or nowhere.
// What is listed and gets nothing does not matter.
func (r rule) shares(tracks services, namespace string) (plan.Shares, bool) {
	var sum int64
	weights := map[plan.TrackName]int64{}
	for _, ref := range r.maps("backendRefs") {
		if weight(ref) == 0 {
			continue
		}
		name, plain := service(ref, namespace)
		track, known := tracks.track(name)
		if !plain || !known {
			return nil, false
		}
		weights[track] += weight(ref)
		sum += weight(ref)
	}
	if sum == 0 {
		return nil, false
	}
	shares, rest := plan.Shares{}, plan.Whole
	for track, w := range weights {
		shares[track] = plan.Share(w * int64(plan.Whole) / sum)
		rest -= shares[track]
	}
	shares[heaviest(weights)] += rest
	return shares, true
}

// heaviest gets what rounding leaves over.
func heaviest(weights map[plan.TrackName]int64) plan.TrackName {
	best := plan.TrackName("")
	for track, w := range weights {
		if best == "" || w > weights[best] || w == weights[best] && track < best {
			best = track
		}
	}
	return best
}

// services are the names by which tracks are reached.
type services map[plan.TrackName]string

// track finds the track of a Service, stable first where two share one.
func (s services) track(service string) (plan.TrackName, bool) {
	if s[plan.Stable] == service {
		return plan.Stable, true
	}
	found, ok := plan.TrackName(""), false
	for track, name := range s {
		if name == service && (!ok || track < found) {
			found, ok = track, true
		}
	}
	return found, ok
}

func text(m map[string]any, field string) string {
	s, _ := m[field].(string)
	return s
}
