package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "serin.dev/serin/"

// storeys lists the rooms from the ground up. A package imports from lower storeys, and from within its own room; two
// rooms of one storey do not import each other. api stands beside the house.
var storeys = [][]string{
	{"internal/plan"},
	{"internal/compile", "internal/engine", "internal/judge", "internal/progress", "internal/cluster"},
	{"internal/dialect", "internal/router", "internal/workload", "internal/metric", "internal/metric/client", "internal/metric/native", "internal/gate", "internal/notify", "internal/releases", "internal/loadtest", "internal/report"},
	{"internal/workload/batch"},
	{"internal/router/", "internal/workload/", "internal/metric/", "internal/gate/", "internal/notify/", "internal/releases/", "internal/dialect/", "internal/world", "internal/reconcile"},
	{"internal/standalone", "internal/controller", "internal/simulation", "internal/cli", "internal/kayenta"},
	{"internal/replay"},
	{"internal/catalog"},
	{"internal/wiring"},
	{"internal/demo"},
	{"cmd"},
}

// alone lists the rooms that import nothing but the standard library.
var alone = []string{"internal/plan"}

// A listed package is what `go list` says of one.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from, level, known := place(p.ImportPath)
		if !known {
			t.Errorf("%s stands in no storey: add its room to storeys", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if strings.Contains(imported, "/testdata/") || !strings.HasPrefix(imported, module) || strings.HasPrefix(imported, module+"api/") {
				continue
			}
			to, below, ok := place(imported)
			if ok && (below < level || to == from) {
				continue
			}
			t.Errorf("%s (storey %d) imports %s (storey %d): imports point down, neighbours do not import each other", p.ImportPath, level, imported, below)
		}
	}
}

func TestPlanStandsAlone(t *testing.T) {
	for _, p := range packages(t) {
		for _, room := range alone {
			if p.ImportPath != module+room {
				continue
			}
			for _, imported := range p.Imports {
				if strings.Contains(imported, ".") {
					t.Errorf("%s imports %s: it speaks the words of all rooms and stands on the standard library only", p.ImportPath, imported)
				}
			}
		}
	}
}

// place finds the room of a package and its storey. A room that ends in "/" holds each folder below it as a room of its own.
func place(path string) (room string, level int, ok bool) {
	path = strings.TrimPrefix(path, module)
	best := ""
	for i, rooms := range storeys {
		for _, r := range rooms {
			if within(path, r) && len(r) > len(best) {
				best, level, ok = r, i, true
			}
		}
	}
	if strings.HasSuffix(best, "/") {
		best += strings.SplitN(strings.TrimPrefix(path, best), "/", 2)[0]
	}
	return best, level, ok
}

func within(path, room string) bool {
	if strings.HasSuffix(room, "/") {
		return strings.HasPrefix(path, room)
	}
	return path == room || strings.HasPrefix(path, room+"/")
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if path := strings.TrimPrefix(p.ImportPath, module); strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "cmd/") {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list knows only %d packages of the house", len(all))
	}
	return all
}

// The rule itself is tested: a wall that lets everything through would pass every tree.
func TestPlaceTellsRoomsApart(t *testing.T) {
	for _, c := range []struct{ path, room, reason string }{
		{"internal/router", "internal/router", "the contract"},
		{"internal/router/proxy", "internal/router/proxy", "a back end is a room of its own"},
		{"internal/router/proxy/bench", "internal/router/proxy", "what lies below a back end belongs to it"},
		{"internal/router/conformance", "internal/router/conformance", "a suite is a neighbour of the back ends, and imports only the contract"},
		{"internal/judge/sequential", "internal/judge", "judges share their room"},
		{"cmd/serin", "cmd", "the program"},
	} {
		if room, _, ok := place(module + c.path); !ok || room != c.room {
			t.Errorf("%s is in room %q, want %q: %s", c.path, room, c.room, c.reason)
		}
	}
}
