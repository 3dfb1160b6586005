package batch

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
)

// An adopted form is what pods were made from before serin held the set, and what the originals that they read held then.
// There is none once the last of those pods is gone.
type adopted struct {
	form   string // its ID
	config []config.Source
}

// readAdopted reads the note on a set; nil where there is none.
func readAdopted(o metav1.Object) (*adopted, error) {
	id, text, _ := strings.Cut(o.GetAnnotations()[cluster.ConfigAnnotation], " ")
	if id == "" {
		return nil, nil
	}
	sources, err := config.ReadNote(text)
	return &adopted{id, sources}, err
}

func (a *adopted) note() string {
	if a == nil {
		return ""
	}
	return a.form + " " + config.Note(a.config)
}

// adopt is what the note shall be now: it begins when serin takes hold, and ends with the last pod it is about.
func (t *target) adopt() *adopted {
	switch {
	case !t.workload().Held() && t.template.loose:
		return &adopted{t.template.ID, t.template.reads}
	case t.adopted == nil:
		return nil
	}
	left := slices.ContainsFunc(t.members, func(m Member) bool { return m.form.ID == t.adopted.form })
	if left || t.set.Current() != "" && t.current.ID == t.adopted.form {
		return t.adopted
	}
	return nil
}

// unfinished reports whether moves are left to make on a set that serin holds: pods are replaced, or what the user asks for
// has yet to stand in the spec again.
func (s *Sets) unfinished(ctx context.Context, t *target) (bool, error) {
	// A StatefulSet's template always comes back; a DaemonSet's when new pods of it would be what is wanted.
	returns := t.set.Current() != "" || t.wish.revision == t.template.revision
	switch {
	case !t.workload().Held():
		return false, nil
	case !t.set.Holds() || t.instead() && returns:
		return true, nil
	case !t.instead() || t.template.loose || t.adopted == nil:
		return false, nil
	}
	var refs []config.Ref
	for _, c := range t.adopted.config {
		refs = append(refs, c.Ref)
	}
	now, err := s.config.ReadRefs(ctx, t.key.Namespace, refs)
	return config.Digest(now) != config.Digest(t.adopted.config), err // pods that read what has changed are going
}
