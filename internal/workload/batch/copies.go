package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/held"
)

// keep makes the copies of configuration that will be needed, deletes those that nothing needs any more, and returns the
// note of those that are there. A copy is noted before anything names it.
func (s *Sets) keep(ctx context.Context, t *target, o order, adopted *adopted, next *corev1.PodTemplateSpec) (string, error) {
	var sources []config.Source
	if adopted != nil {
		sources = append(sources, adopted.config...)
	}
	fresh := slices.Clip(sources)
	if t.adopted != nil {
		fresh = nil // made when it was adopted
	}
	if next != nil {
		form, err := held.ReadForm(t.key, *next)
		if err != nil {
			return "", err
		}
		sources, fresh = append(sources, form.Config...), append(fresh, form.Config...)
	}
	if err := s.config.Keep(ctx, t.owner(), t.key, fresh); err != nil {
		return "", err
	}
	for _, template := range o.templates {
		sources = append(sources, template.Config...)
	}
	return s.collect(ctx, t, sources)
}

// collect deletes the copies that neither these sources nor any form of the target needs, and returns the note of the others.
func (s *Sets) collect(ctx context.Context, t *target, sources []config.Source) (string, error) {
	for _, f := range t.forms() {
		sources = append(sources, f.Config...)
	}
	needed := config.CopyRefs(t.key, sources)
	var made []config.Ref
	if text := t.set.Object().GetAnnotations()[held.CopiesAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &made); err != nil {
			return "", fmt.Errorf("read annotation %s of %s: %w", held.CopiesAnnotation, t.workload().Origin(), err)
		}
	}
	gone := slices.DeleteFunc(made, func(c config.Ref) bool { return slices.Contains(needed, c) })
	if err := s.config.Drop(ctx, t.key.Namespace, gone); err != nil {
		return "", err
	}
	if len(needed) == 0 {
		return "", nil
	}
	slices.SortFunc(needed, func(a, b config.Ref) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	text, err := json.Marshal(slices.Compact(needed))
	return string(text), err
}
