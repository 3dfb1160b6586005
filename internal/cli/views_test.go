package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs; run with -update and review the diff. Got:\n%s", file, got)
	}
}

func TestBlockOfEveryScene(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		var b strings.Builder
		for _, s := range scenes.All() {
			fmt.Fprintf(&b, "=== %s\n%s\n", s.Name, Block(progress.Of(s.Facts), Style{}, width, width == 120))
		}
		golden(t, fmt.Sprintf("testdata/block-%d.txt", width), b.String())
	}
}

func TestNoLineIsWiderThanThePage(t *testing.T) {
	for _, s := range scenes.All() {
		for width := leastWidth; width < 130; width++ {
			for _, style := range []Style{{}, {ASCII: true}} {
				for _, line := range strings.Split(Block(progress.Of(s.Facts), style, width, true), "\n") {
					if n := uniseg.StringWidth(line); n > width {
						t.Fatalf("%s at width %d: a line of %d cells: %q", s.Name, width, n, line)
					}
				}
			}
		}
	}
}
