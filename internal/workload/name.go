package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"serin.dev/serin/internal/plan"
)

var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// InstanceName names an instance of a local workload: "checkout-v2-0.17" for the place "0.17" of revision v2 of
// "Process/checkout". It is fit to be a file name whatever the target and the revision are called.
func InstanceName(target string, revision plan.Revision, place string) string {
	return fmt.Sprintf("%s%s-%s", NamePrefix(target), fit(string(revision)), place)
}

// NamePrefix begins the names of all instances of a target. The kind is left out: "Process/checkout" gives "checkout-".
func NamePrefix(target string) string {
	if _, name, found := strings.Cut(target, "/"); found {
		target = name
	}
	return fit(target) + "-"
}

// fit makes any text part of a file name. What had to be changed or cut gets a digest, so that different texts stay
// different.
func fit(text string) string {
	const longest = 48
	plain := strings.TrimLeft(unfit.ReplaceAllString(text, "-"), ".")
	if plain == text && len(plain) <= longest && plain != "" {
		return plain
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s-%s", plain[:min(longest, len(plain))], hex.EncodeToString(sum[:4]))
}
