package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// A Key names a target on a cluster: "Deployment/shop/checkout" is the Deployment checkout in namespace shop.
type Key struct{ Kind, Namespace, Name string }

// ParseKey reads the key of a target.
func ParseKey(target string) (Key, error) {
	parts := strings.Split(target, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Key{}, fmt.Errorf("target %q: want KIND/NAMESPACE/NAME", target)
	}
	return Key{parts[0], parts[1], parts[2]}, nil
}

// String writes the key as targets are written.
func (k Key) String() string { return k.Kind + "/" + k.Namespace + "/" + k.Name }

// Object is the key of the object itself.
func (k Key) Object() types.NamespacedName {
	return types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
}

// Label is the value of TargetLabel: "deployment.checkout", cut and marked by a digest where that is longer than a label
// may be.
func (k Key) Label() string { return fit(strings.ToLower(k.Kind)+"."+k.Name, 63) }

// Beside names an object that serin makes beside the target: "checkout-canary".
func (k Key) Beside(suffix string) string { return fit(k.Name+"-"+suffix, 63) }

// fit cuts a name that is too long and keeps it unique.
func fit(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:limit-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}
