package cluster

import (
	"k8s.io/apimachinery/pkg/api/meta"
)

// lastApplied is where kubectl keeps a second copy of the whole object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Lean is what caches keep of objects that are never written back whole: all but who wrote which field, and what kubectl
// wrote last.
func Lean(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil { // anything else is a cache's own note
		m.SetManagedFields(nil)
		if notes := m.GetAnnotations(); notes[lastApplied] != "" {
			delete(notes, lastApplied)
			m.SetAnnotations(notes)
		}
	}
	return o, nil
}
