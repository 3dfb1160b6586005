package native_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"serin.dev/serin/internal/dialect/native"
)

// Everything the reference shows is read: whole files as they are, parts as the spec of a Canary.
func TestDocumentationIsTrue(t *testing.T) {
	data, err := os.ReadFile("../../../docs/canary.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d blocks of YAML", len(blocks))
	}
	for _, b := range blocks {
		text := b[1]
		if !strings.Contains(text, "apiVersion: ") {
			text = process("shop", "{command: [./shop]}") + "---\n" + head + "kind: Canary\nmetadata: {name: shop}\nspec:\n  target: {kind: Process, name: shop}\n  " +
				strings.ReplaceAll(text, "\n", "\n  ")
		}
		if drafts, notes := native.Read("canary.md", []byte(text), answering(known())); len(drafts) != 1 || len(notes) != 0 {
			t.Errorf("%d drafts and notes:\n%s\nof\n%s", len(drafts), notes, text)
		}
	}
}
