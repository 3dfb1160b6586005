package native

import (
	"fmt"
	"slices"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

// hooks reads who is told about the release as a whole.
func (w *world) hooks(c canary) []plan.Hook {
	var hooks []plan.Hook
	usual := []v1alpha1.Event{v1alpha1.Event(plan.RolledBack), v1alpha1.Event(plan.Promoted), v1alpha1.Event(plan.NeedsYou)}
	for i, n := range c.Spec.Notify {
		hooks = append(hooks, w.notify(c, fmt.Sprintf("spec.notify[%d]", i), n, usual)...)
	}
	return hooks
}

// stepHooks reads who is told that a step was reached.
func (w *world) stepHooks(r stepReader, notify []v1alpha1.Notify) []plan.Hook {
	var hooks []plan.Hook
	entered := []v1alpha1.Event{v1alpha1.Event(plan.Entered)}
	for i, n := range notify {
		path := fmt.Sprintf("%s.notify[%d]", r.path, i)
		for _, on := range n.On {
			if on != entered[0] {
				w.notes.Refuse(r.c.at(path+".on"), "a step only tells that it was entered; %s belongs to spec.notify", on)
			}
		}
		hooks = append(hooks, w.notify(r.c, path, n, entered)...)
	}
	return hooks
}

// notify reads one entry as one hook per event.
func (w *world) notify(c canary, path string, n v1alpha1.Notify, usual []v1alpha1.Event) []plan.Hook {
	use, _ := w.use(c.places, choice{"notifier", path, n.Notifier, w.known.Notifiers, "", []string{"name", "on"}})
	hook := plan.Hook{Name: n.Name, Origin: c.at(path), Use: use}
	if hook.Name == "" {
		hook.Name = use.Kind
	}
	on := n.On
	if len(on) == 0 {
		on = usual
	}
	var hooks []plan.Hook
	events := []string{string(plan.Entered), string(plan.RolledBack), string(plan.Promoted), string(plan.NeedsYou)}
	for i, event := range on {
		if !slices.Contains(events, string(event)) {
			w.notes.Refuse(c.at(fmt.Sprintf("%s.on[%d]", path, i)), "unknown event %s%s", event, suggest(string(event), slices.Clone(events)))
		}
		if slices.Contains(on[:i], event) {
			w.notes.Refuse(c.at(fmt.Sprintf("%s.on[%d]", path, i)), "%s is listed twice", event)
		}
		hook.On = plan.Event(event)
		hooks = append(hooks, hook)
	}
	return hooks
}

// callApart gives each entry of the whole draft a name of its own, because what was told is recorded by name. Names come
// from the order in the file, so the same file gives the same names.
func (w *world) callApart(c canary, d *compile.Draft) {
	taken := map[string]plan.Origin{}
	for i := range d.Moves {
		w.rename(c, d.Moves[i].Hooks, taken)
	}
	w.rename(c, d.Hooks, taken)
}

func (w *world) rename(c canary, hooks []plan.Hook, taken map[string]plan.Origin) {
	for i := range hooks {
		h := &hooks[i]
		name := h.Name
		for n := 2; ; n++ {
			if first, ok := taken[h.Name]; !ok || first == h.Origin {
				break
			}
			if at := h.Origin.Field + ".name"; c.has(at) {
				w.notes.Refuse(c.at(at), "another entry is called %s already", name)
				break
			}
			h.Name = fmt.Sprintf("%s-%d", name, n)
		}
		taken[h.Name] = h.Origin
	}
}
