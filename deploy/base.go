package deploy

import (
	"bytes"
	"regexp"
	"strings"
)

// helmsOwn are the lines of a rendered chart that mean something to Helm alone.
var helmsOwn = regexp.MustCompile(`(?m)^(# Source: .*| *helm\.sh/(chart|resource-policy): .*| *app\.kubernetes\.io/(managed-by: Helm|instance: .*))\n`)

// Base makes a kustomize base of the chart rendered with its defaults: a file for the definitions and one for the rest.
func Base(rendered []byte) map[string][]byte {
	var crds, rest bytes.Buffer
	for _, document := range strings.Split(string(rendered), "\n---\n") {
		document = strings.TrimSpace(strings.TrimPrefix(helmsOwn.ReplaceAllString(document+"\n", ""), "---\n"))
		if document == "" {
			continue
		}
		to := &rest
		if strings.Contains(document, "kind: CustomResourceDefinition\n") {
			to = &crds
		}
		to.WriteString("---\n" + document + "\n")
	}
	return map[string][]byte{"crds.yaml": crds.Bytes(), "serin.yaml": rest.Bytes()}
}
