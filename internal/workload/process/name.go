package process

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"serin.dev/serin/internal/plan"
)

var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nameOf names an instance: "checkout-v2-0.17" is start number 17, in the first place of revision v2. The number is never
// used again in this directory, so the name is unique for ever; it also is a file name.
func nameOf(target string, revision plan.Revision, ordinal, number int) string {
	return fmt.Sprintf("%s%s-%d.%d", prefixOf(target), fit(string(revision)), ordinal, number)
}

// prefixOf begins the names of all instances of a target. The kind is left out: "Process/checkout" is "checkout-".
func prefixOf(target string) string {
	return fit(strings.TrimPrefix(target, kind+"/")) + "-"
}

// fit makes any text part of a file name. What had to be changed or cut gets a digest, so that different texts stay
// different.
func fit(text string) string {
	const longest = 48
	plain := strings.TrimLeft(unfit.ReplaceAllString(text, "-"), ".")
	if plain == text && len(plain) <= longest && plain != "" {
		return plain
	}
	return fmt.Sprintf("%s-%s", plain[:min(longest, len(plain))], digest([]byte(text))[:8])
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
