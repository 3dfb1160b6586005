package istio

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
)

const group = "networking.istio.io"

var virtualService, destinationRule = kindOf("VirtualService"), kindOf("DestinationRule")

func kindOf(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
}

// empty is an object of one of Istio's kinds.
func empty(kind string) *unstructured.Unstructured {
	return hands.Empty(kindOf(kind), types.NamespacedName{})
}

func title(vs client.Object) string { return hands.Title(vs) }

func idOf(o client.Object) types.NamespacedName { return client.ObjectKeyFromObject(o) }

// holds reports whether the annotation of a VirtualService names the target.
func holds(vs *unstructured.Unstructured, target string) bool {
	if !strings.Contains(vs.GetAnnotations()[cluster.TrafficAnnotation], target) {
		return false
	}
	h, err := readHeld(vs)
	_, ok := h.Targets[target]
	return ok && err == nil
}

func field(name string) string { return "spec.traffic.istio." + name }
