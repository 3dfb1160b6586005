package workload

import (
	"strings"
	"testing"

	"serin.dev/serin/internal/plan"
)

func TestInstanceNames(t *testing.T) {
	cases := []struct {
		reason, target string
		revision       plan.Revision
		want           string
	}{
		{"the kind is left out", "Process/checkout", "v2", "checkout-v2-0.17"},
		{"a target without a kind", "shop", "6.9.2-1f0c8e2a", "shop-6.9.2-1f0c8e2a-0.17"},
	}
	for _, c := range cases {
		if got := InstanceName(c.target, c.revision, "0.17"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
		}
	}
	for _, text := range []string{"../../etc/passwd", "sha256:abc", "", ".", strings.Repeat("x", 300), "ä"} {
		got := fit(text)
		if got == "" || strings.ContainsAny(got, "/:") || strings.HasPrefix(got, ".") || len(got) > 60 {
			t.Errorf("%q became %q, which is no part of a file name", text, got)
		}
	}
	if fit("a/b") == fit("a:b") {
		t.Error("different texts got the same name")
	}
}
