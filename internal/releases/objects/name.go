package objects

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/releases"
)

// parse reads the name of a Canary or a Release among all others: "shop/checkout", "shop/checkout-3".
func parse(name string) (types.NamespacedName, error) {
	namespace, object, ok := strings.Cut(name, "/")
	if !ok || namespace == "" || object == "" || strings.Contains(object, "/") {
		return types.NamespacedName{}, fmt.Errorf("%q is not NAMESPACE/NAME: %w", name, releases.ErrNotFound)
	}
	return types.NamespacedName{Namespace: namespace, Name: object}, nil
}

// numbered splits the name of a Release into its Canary's and its number. A Canary's name has at most 63 characters, so that
// a Release's always fits.
func numbered(release string) (canary string, number int, ok bool) {
	i := strings.LastIndexByte(release, '-')
	if i < 0 {
		return "", 0, false
	}
	number, err := strconv.Atoi(release[i+1:])
	return release[:i], number, err == nil && number > 0
}
