package deploy

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects reads what was rendered.
func objects(t testing.TB, rendered []byte) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(rendered), 4096); ; {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("read the rendered chart: %v", err)
		}
		if len(o.Object) > 0 {
			list = append(list, o)
		}
	}
}
