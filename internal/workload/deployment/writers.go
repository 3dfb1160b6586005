package deployment

import (
	"context"
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
)

// A written tells who has written what of a Deployment, as far as the API server remembers.
type written struct {
	paused string // who answers for spec.paused; "" when nobody does, as after an update that left it out
	last   string // who has written the spec last, serin aside
	known  bool   // somebody is remembered at all
}

// writers asks the API server itself, for caches leave this out. Not to know it is no trouble: it is for people to read.
func (d *Deployments) writers(ctx context.Context, t *target) written {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(Kind))
	if err := d.a.Live.Get(ctx, t.key.Object(), o); err != nil {
		return written{}
	}
	return readWriters(o.ManagedFields)
}

func readWriters(managed []metav1.ManagedFieldsEntry) written {
	var w written
	var latest int64
	for _, m := range managed {
		var fields struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil || fields.Spec == nil {
			continue
		}
		w.known = true
		if _, ok := fields.Spec["f:paused"]; ok && w.paused != cluster.Manager {
			w.paused = m.Manager
		}
		if m.Manager != cluster.Manager && m.Time != nil && m.Time.Unix() >= latest {
			latest, w.last = m.Time.Unix(), m.Manager
		}
	}
	return w
}
