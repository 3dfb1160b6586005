package objects

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// TargetIndex is the index of cached Canaries by the key of the target they name, or keep the record of.
const TargetIndex = "target"

// Index gives the cache the index by which targets are found, before the cache is started. Without it the store lists the
// Canaries of the target's namespace.
func (s *Store) Index(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &Canary{}, TargetIndex, targetsOf); err != nil {
		return fmt.Errorf("index Canaries by target: %w", err)
	}
	s.indexed = true
	return nil
}

// targetsOf are the keys of the target that a Canary names and of the one it keeps the record of. They are the same, but for
// a Canary that was made anew for another target while the old one's status was carried over.
func targetsOf(o client.Object) []string {
	c, ok := o.(*Canary)
	if !ok {
		return nil
	}
	var keys []string
	var spec struct {
		Target struct{ Kind, Name, Canary string }
	}
	if json.Unmarshal(c.Spec, &spec) == nil && spec.Target.Kind != "" {
		keys = append(keys, cluster.Key{Kind: spec.Target.Kind, Namespace: c.Namespace, Name: spec.Target.Name}.String())
	}
	if spec.Target.Canary != "" { // the other half of a pair
		keys = append(keys, cluster.Key{Kind: spec.Target.Kind, Namespace: c.Namespace, Name: spec.Target.Canary}.String())
	}
	if t, ok, err := record(c); err == nil && ok && (len(keys) == 0 || keys[0] != t.Key) {
		keys = append(keys, t.Key)
	}
	return keys
}

// Cached says what of serin's kinds a cache holds: all Canaries and Actions, and the Releases that are under way. Those that
// are over, twenty for each Canary, stay on the API server until somebody asks for one.
func Cached() map[client.Object]cache.ByObject {
	var running []fields.Selector
	for _, over := range []plan.Phase{plan.Succeeded, plan.Returned, plan.Superseded} {
		running = append(running, fields.OneTermNotEqualSelector("status.phase", string(over)))
	}
	return map[client.Object]cache.ByObject{
		&Canary{}:  {Transform: cluster.Lean},
		&Action{}:  {Transform: cache.TransformStripManagedFields()},
		&Release{}: {Transform: cache.TransformStripManagedFields(), Field: fields.AndSelectors(running...)},
	}
}

// Rules are what the store needs to be allowed. It never changes what a user wrote.
func Rules() cluster.Rules {
	group := []string{v1alpha1.Group}
	return cluster.Rules{
		{APIGroups: group, Resources: []string{"canaries", "releases"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: group, Resources: []string{"releases"}, Verbs: []string{"create", "delete"}},
		{APIGroups: group, Resources: []string{"canaries/status", "releases/status"}, Verbs: []string{"patch"}},
	}
}
