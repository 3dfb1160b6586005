package native

import (
	"cmp"
	"slices"
	"strings"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/plan"
)

// Known is what back ends exist and what they refuse.
type Known = dialect.Known

// Read reads one file, which may hold several documents.
func Read(file string, data []byte, known Known) ([]compile.Draft, compile.Notes) {
	return ReadAll([]File{{file, data}}, known)
}

// ReadAll reads several files as one world: a Canary in one may release a target in another, and owners are counted over
// all of them. It returns the drafts that have no errors, in the order of files, and all notes.
func ReadAll(files []File, known Known) ([]compile.Draft, compile.Notes) {
	var notes compile.Notes
	w := &world{known: known, notes: &notes, targets: map[string]*target{}, owners: map[string]plan.Origin{}, names: map[string]plan.Origin{}}
	var canaries []canary
	for _, f := range files {
		for _, doc := range documents(f, &notes) {
			canaries = append(canaries, w.read(doc)...)
		}
	}
	var drafts []compile.Draft
	for _, c := range canaries {
		before := len(notes)
		draft := w.lower(c)
		if !c.broken && !notes[before:].Err() {
			drafts = append(drafts, draft)
		}
	}
	w.unowned()
	w.shared(drafts)
	notes.Sort()
	return drafts, notes
}

// shared warns of two targets whose routers have the same settings: most routers can serve only one of them.
func (w *world) shared(drafts []compile.Draft) {
	first := map[string]compile.Draft{}
	for _, d := range drafts {
		settings := d.Router.Kind + string(d.Router.With)
		if other, twice := first[settings]; twice {
			w.notes.Warn(d.RouterAt, "Canary %s has the same settings of router %s (%s:%d); where both would be served at one address, the second is not",
				other.Name, d.Router.Kind, other.RouterAt.File, other.RouterAt.Line)
			continue
		}
		first[settings] = d
	}
}

// A world is everything in the files together.
type world struct {
	known   Known
	notes   *compile.Notes
	targets map[string]*target     // by key "Process/checkout"
	order   []string               // of the targets' keys, as read
	owners  map[string]plan.Origin // of targets: where the Canary names them
	names   map[string]plan.Origin // of objects, "Canary checkout": where they were first named
}

// A canary is a decoded Canary with the places of its fields.
type canary struct {
	document
	manifest
	places
	broken bool // it has errors already
}

func (c canary) at(path string) plan.Origin { return c.places.at(path) }

// places are the origins of fields by path.
type places map[string]plan.Origin

// at is the place of a field, or of the nearest field around it that the file has; its Field is the path asked for.
func (p places) at(path string) plan.Origin {
	for around := path; ; around = parent(around) {
		if at, ok := p[around]; ok || around == "" {
			at.Field = path
			return at
		}
	}
}

// named is the path of the first field of that name inside a field, or the field itself when there is none.
func (p places) named(path, name string) string {
	found := ""
	for inside := range p {
		if strings.HasPrefix(inside, path+".") && strings.HasSuffix(inside, "."+name) && (found == "" || inside < found) {
			found = inside
		}
	}
	return cmp.Or(found, path)
}

func (p places) has(path string) bool {
	_, ok := p[path]
	return ok
}

// read understands one document: a target is kept for later, a canary returned.
func (w *world) read(doc document) []canary {
	if !w.ours(doc) {
		return nil
	}
	before := len(*w.notes)
	switch doc.kind {
	case v1alpha1.KindProcess:
		w.addProcess(doc)
	case v1alpha1.KindUpstream:
		w.addUpstream(doc)
	case v1alpha1.KindCanary:
		c := canary{document: doc}
		c.places = w.decode(doc, &c.manifest)
		w.named(doc, c.places, c.Metadata.ObjectMeta)
		c.broken = (*w.notes)[before:].Err()
		return []canary{c}
	}
	return nil
}

// decode reads the document and gives the empty path, which stands for the whole of it, a place too.
func (w *world) decode(doc document, into any) places {
	p := places(decode(doc, into, w.notes))
	p[""] = doc.at(doc.root, "")
	return p
}

// ours refuses documents that this dialect does not read.
func (w *world) ours(doc document) bool {
	version := text(child(doc.root, "apiVersion"))
	kinds := []string{v1alpha1.KindCanary, v1alpha1.KindProcess, v1alpha1.KindUpstream}
	switch {
	case version == "" && doc.kind == "":
		w.notes.Refuse(doc.at(doc.root, ""), "not an object: it has neither apiVersion nor kind; want apiVersion: %s and a kind", v1alpha1.APIVersion)
	case version != v1alpha1.APIVersion:
		w.notes.Refuse(doc.at(orRoot(doc, "apiVersion"), "apiVersion"), "unknown apiVersion %q; want %s", version, v1alpha1.APIVersion)
	case !slices.Contains(kinds, doc.kind):
		w.notes.Refuse(doc.at(orRoot(doc, "kind"), "kind"), "unknown kind %q%s", doc.kind, suggest(doc.kind, kinds))
	default:
		return true
	}
	return false
}

// named checks an object's name and refuses the second of the same kind and name.
func (w *world) named(doc document, p places, meta v1alpha1.ObjectMeta) {
	if !p.has("metadata.name") {
		w.notes.Refuse(p.at("metadata.name"), "the object has no name")
		return
	}
	if !objectName.MatchString(meta.Name) {
		w.notes.Refuse(p.at("metadata.name"), "%q is not a name: want at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit", meta.Name)
		return
	}
	if first, twice := w.names[doc.object()]; twice {
		w.notes.Refuse(p.at("metadata.name"), "there is a %s already, at %s:%d", doc.object(), first.File, first.Line)
		return
	}
	w.names[doc.object()] = p.at("metadata.name")
}
