package releases_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/conformance"
)

var update = flag.Bool("update", false, "write the golden record of the present format")

// The present format is what testdata says. A change here changes what is at rest on users' disks: add fields, never change
// their meaning without a new number.
func TestFormatAtRest(t *testing.T) {
	path := filepath.Join("testdata", "format-"+strconv.Itoa(releases.Format)+".json")
	got, err := json.Marshal(conformance.Sample(1))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(want)) != string(got) {
		t.Errorf("the format at rest has changed; if fields were added, run with -update. Now:\n%s", got)
	}
}

// Every format that was ever written is still read.
func TestOldFormatsAreRead(t *testing.T) {
	files, err := filepath.Glob("testdata/format-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r releases.Release
		if err := json.Unmarshal(data, &r); err != nil || !reflect.DeepEqual(r.Plan, conformance.Sample(1).Plan) {
			t.Errorf("%s: %v; read %+v", f, err, r.Plan)
		}
	}
}
