package query

import "fmt"

// atlas appends the scope to an expression in its stack language. The extended parameter type says what the scope names.
func atlas(r Request, f fields) (string, error) {
	if err := required("q", f.Q); err != nil {
		return "", err
	}
	kind := r.Scope.Extended.Get("type")
	var scope string
	switch kind {
	case "", "cluster":
		scope = "nf.cluster," + r.Scope.Scope + ",:eq"
	case "asg":
		scope = "nf.asg," + r.Scope.Scope + ",:eq"
	case "query":
		scope = r.Scope.Scope
	default:
		return "", fmt.Errorf("extendedScopeParams.type: %q is not one of cluster, asg, query", kind)
	}
	return f.Q + ",:list,(," + scope + ",:cq,),:each", nil
}
