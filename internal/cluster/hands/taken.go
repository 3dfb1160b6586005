package hands

import (
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Taken refuses an object that another tool writes as well. field is where the user named it.
func Taken(o client.Object, field string) error {
	by := ""
	for _, owner := range o.GetOwnerReferences() {
		if strings.HasPrefix(owner.APIVersion, "flagger.app/") || strings.HasPrefix(owner.APIVersion, "argoproj.io/") {
			by = owner.Kind + " " + owner.Name + " (" + owner.APIVersion + ")"
		}
	}
	for _, marks := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
		for name := range marks {
			if strings.HasPrefix(name, "rollouts.argoproj.io/") || strings.HasPrefix(name, "flagger.app/") {
				by = "the tool that set " + name
			}
		}
	}
	if by == "" {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.RouteTaken, Field: field, Text: fmt.Sprintf("%s is written by %s as well", Title(o), by),
		Remedy: "let one of them go: two writers of the same weights undo each other",
	}
}
