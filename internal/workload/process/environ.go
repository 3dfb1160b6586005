package process

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"serin.dev/serin/internal/plan"
)

// inherited are the variables a replica gets from serin's own environment: enough to find programs and temporary space,
// nothing that could be a secret.
var inherited = []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"}

// The variables serin sets for each replica. The mark is random, so that a process whose start was not recorded in time
// can be recognised.
const (
	envPort     = "PORT"
	envInstance = "INSTANCE"
	envRevision = "REVISION"
	envMark     = "SERIN_MARK"
)

var ownNames = []string{envPort, envInstance, envRevision, envMark}

var reference = regexp.MustCompile(`\$?\$\([^)]*\)`)

// references maps what users may write to its value for one replica.
func references(port int, instance string, revision plan.Revision) map[string]string {
	return map[string]string{
		"$(PORT)":     strconv.Itoa(port),
		"$(INSTANCE)": instance,
		"$(REVISION)": string(revision),
	}
}

// checkText refuses references that expand would not know, instead of handing them on as they are: a misspelt one
// would fail much later, inside the user's program.
func checkText(text string) error {
	if strings.ContainsRune(text, 0) {
		return fmt.Errorf("holds a zero byte")
	}
	known := references(0, "", "")
	for _, ref := range reference.FindAllString(text, -1) {
		if _, ok := known[ref]; !ok && !strings.HasPrefix(ref, "$$") {
			return fmt.Errorf("%s is none of %s; write $%s to keep it as it is", ref, strings.Join(slices.Sorted(maps.Keys(known)), ", "), ref)
		}
	}
	return nil
}

// expand replaces the references in a text; $$(PORT) becomes $(PORT).
func expand(text string, values map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		if literal, ok := strings.CutPrefix(ref, "$$"); ok {
			return "$" + literal
		}
		return values[ref]
	})
}

// environ is the complete environment of one replica.
func (t *Template) environ(r record, values map[string]string) []string {
	env := map[string]string{}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	for name, value := range t.Env {
		env[name] = expand(value, values)
	}
	env[envPort] = strconv.Itoa(r.Port)
	env[envInstance] = r.Instance
	env[envRevision] = string(r.Revision)
	env[envMark] = r.Mark
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}
