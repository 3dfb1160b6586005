package native

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

var (
	objectName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	versionName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)
	fieldPath   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.\[\]-]*$`)
)

// A target is a Process or Upstream that was read, waiting for its Canary.
type target struct {
	compile.Target
	places
	namespace string
	port      int  // fixed; 0: none
	broken    bool // it has errors, which were told
}

// local are the kinds whose documents stand in files. Other kinds live elsewhere, for instance on a cluster.
func local(kind string) bool { return kind == v1alpha1.KindProcess || kind == v1alpha1.KindUpstream }

func (w *world) addProcess(doc document) {
	before := len(*w.notes)
	var p v1alpha1.Process
	at := w.decode(doc, &p)
	w.named(doc, at, p.Metadata)
	t := &target{places: at, namespace: p.Metadata.Namespace, port: p.Spec.Port}
	t.Replicas = 1
	if p.Spec.Replicas != nil {
		t.Replicas = *p.Spec.Replicas
	}
	if t.Replicas < 1 || t.Replicas > 1000 {
		w.notes.Refuse(at.at("spec.replicas"), "%d is not from 1 to 1000", t.Replicas)
	}
	w.addTarget(doc, t, p.Spec.Version, before)
}

func (w *world) addUpstream(doc document) {
	before := len(*w.notes)
	var u v1alpha1.Upstream
	at := w.decode(doc, &u)
	w.named(doc, at, u.Metadata)
	t := &target{places: at, namespace: u.Metadata.Namespace}
	t.Replicas = max(1, len(u.Spec.URLs))
	w.addTarget(doc, t, u.Spec.Version, before)
}

// addTarget makes the template of a target and lets the workload look at it.
func (w *world) addTarget(doc document, t *target, version string, before int) {
	t.Kind, t.Name = doc.kind, doc.name
	t.Origin = t.at("metadata.name")
	if t.has("spec.version") && version != "" && !versionName.MatchString(version) {
		w.notes.Refuse(t.at("spec.version"), "%q is not a version: want at most 40 letters, digits, \".\", \"_\" and \"-\"", version)
	}
	if !t.has("spec") {
		w.notes.Refuse(t.at("spec"), "the %s has no spec", doc.kind)
	}
	if !(*w.notes)[before:].Err() {
		t.Template = template(doc)
		t.Revision = revision(version, t.Template)
		w.checkTemplate(t)
	}
	t.broken = (*w.notes)[before:].Err()
	if _, twice := w.targets[t.Key()]; !twice {
		w.targets[t.Key()] = t
		w.order = append(w.order, t.Key())
	}
}

func (w *world) checkTemplate(t *target) {
	if driver, ok := w.known.Workloads[t.Kind]; ok {
		w.checkWith(driver.Check, t.Template, t.places, "spec")
	}
}

// template is the spec without replicas, in canonical form: a changed size is no new revision. It was decoded before, so
// nothing can go wrong here that was not told.
func template(doc document) json.RawMessage {
	var silent compile.Notes
	doc.budget = new(budget) // what fits once fits again
	d := &decoder{document: doc, notes: &silent, places: map[string]plan.Origin{}}
	for _, p := range d.pairs(doc.root, "") {
		if p.key.Value == "spec" {
			spec, _ := d.plain(p.value, "spec")
			object, _ := spec.(map[string]any)
			delete(object, "replicas")
			return canonical(object)
		}
	}
	return nil
}

// revision names a template: its version, if it has one, and eight hexadecimal digits of its digest.
func revision(version string, template json.RawMessage) plan.Revision {
	sum := sha256.Sum256(template)
	digest := hex.EncodeToString(sum[:4])
	if version == "" {
		return plan.Revision(digest)
	}
	return plan.Revision(version + "-" + digest)
}

// position is what some back ends put in front of their complaints; it counts lines of the settings alone.
var position = regexp.MustCompile(`^[^\s:]*:\d+:\d+: `)

// unknownJSON is how encoding/json refuses a field: by its last name alone.
var unknownJSON = regexp.MustCompile(`json: unknown field "([^"]+)"`)

// checkWith lets a back end look at its settings and puts each of its complaints, one per line, at the field it names.
func (w *world) checkWith(check func(json.RawMessage) error, settings json.RawMessage, p places, base string) {
	if check == nil {
		return
	}
	err := check(settings)
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		message, path := position.ReplaceAllString(strings.TrimSpace(line), ""), base
		if field, rest, ok := strings.Cut(message, ": "); ok && fieldPath.MatchString(field) {
			path, message = join(base, field), rest
		}
		if m := unknownJSON.FindStringSubmatch(message); m != nil {
			path, message = p.named(path, m[1]), "no such field"
		}
		w.notes.Refuse(p.at(path), "%s", message)
	}
}

// claim finds the target of a canary and makes the canary its owner.
func (w *world) claim(c canary) (*target, bool) {
	ref := c.Spec.Target
	if !c.has("spec.target") || ref.Kind == "" || ref.Name == "" {
		w.notes.Refuse(c.at("spec.target"), "the Canary says not what it releases; give target: {kind: Process, name: %s}", cmp.Or(c.name, "NAME"))
		return nil, false
	}
	kinds := slices.Collect(maps.Keys(w.known.Workloads))
	if !slices.Contains(kinds, ref.Kind) {
		w.notes.Refuse(c.at("spec.target.kind"), "unknown kind of target %s%s", ref.Kind, suggest(ref.Kind, kinds))
		return nil, false
	}
	w.pair(c)
	key := c.target().Key()
	if c.broken && w.owners[key].Object == c.object() {
		return nil, false // the same Canary twice, which was told
	}
	if owner, taken := w.owners[key]; taken {
		w.notes.Refuse(c.at("spec.target"), "%s belongs to %s already (%s:%d); a target has one Canary", key, owner.Object, owner.File, owner.Line)
		return nil, false
	}
	w.owners[key] = c.at("spec.target")
	return w.find(c, key)
}

// target is what the Canary names, as far as the Canary itself knows it. What stands in files has no namespace.
func (c canary) target() compile.Target {
	ref := c.Spec.Target
	t := compile.Target{Kind: ref.Kind, Name: ref.Name, Canary: ref.Canary, Replicas: 1, Origin: c.at("spec.target")}
	if !local(ref.Kind) {
		t.Namespace = c.Metadata.Namespace
	}
	return t
}

// pair refuses a second Service where there is no first, and a pair of one.
func (w *world) pair(c canary) {
	switch ref := c.Spec.Target; {
	case ref.Kind != service && ref.Canary != "":
		w.notes.Refuse(c.at("spec.target.canary"), "a %s has no second Service; this belongs to kind %s", ref.Kind, service)
	case ref.Kind == service && ref.Canary == "":
		w.notes.Refuse(c.at("spec.target"), "a pair has two Services; name the one that the new version stands behind with canary: NAME")
	case ref.Canary == ref.Name:
		w.notes.Refuse(c.at("spec.target.canary"), "both versions would stand behind %s; the canary needs a Service of its own", ref.Name)
	}
}

// service is the kind of a pair: two Services of the user, whatever stands behind them.
const service = "Service"

// find looks the target up in the files.
func (w *world) find(c canary, key string) (*target, bool) {
	t, ok := w.targets[key]
	switch {
	case !ok && !local(c.Spec.Target.Kind):
		return &target{Target: c.target()}, true
	case !ok:
		w.notes.Refuse(c.at("spec.target.name"), "there is no %s in these files%s", key, suggest(key, slices.Clone(w.order)))
		return nil, false
	case t.namespace != "" && c.Metadata.Namespace != "" && t.namespace != c.Metadata.Namespace:
		w.notes.Refuse(c.at("spec.target"), "%s is in namespace %s, the Canary in %s", key, t.namespace, c.Metadata.Namespace)
		return nil, false
	}
	return t, !t.broken
}

// unowned says which targets nobody releases. Among errors it says nothing: what is broken may have been meant to.
func (w *world) unowned() {
	if w.notes.Err() {
		return
	}
	for _, key := range w.order {
		if _, owned := w.owners[key]; !owned {
			t := w.targets[key]
			w.notes.Warn(t.Origin, "no Canary releases %s, so nothing runs it; the smallest is spec: {target: {kind: %s, name: %s}}", key, t.Kind, t.Name)
		}
	}
}

// orRoot is the value of a key of the document, or the document.
func orRoot(doc document, key string) *yaml.Node {
	if n := child(doc.root, key); n != nil {
		return n
	}
	return doc.root
}

// parent is the path of what a field stands in.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
