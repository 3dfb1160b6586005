package deploy

import (
	"bytes"
	"fmt"
)

// keep makes Helm leave a definition where it is when the chart goes: with it would go every Canary of the cluster.
const keep = "    helm.sh/resource-policy: keep\n"

// ChartCRD is a definition as the chart carries it.
func ChartCRD(generated []byte) ([]byte, error) {
	const annotations = "\n  annotations:\n"
	if bytes.Count(generated, []byte(annotations)) != 1 {
		return nil, fmt.Errorf("a definition has one line %q at its own metadata", annotations)
	}
	return bytes.Replace(generated, []byte(annotations), []byte(annotations+keep), 1), nil
}
