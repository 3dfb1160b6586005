package loadtest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// ByHeader groups answers by the value of a header.
func ByHeader(name string) func(*http.Response, []byte) string {
	return func(answer *http.Response, _ []byte) string { return answer.Header.Get(name) }
}

// ByField groups answers by a field at the top of a JSON object, for instance podinfo's "version". What is not such an
// object is in no group.
func ByField(name string) func(*http.Response, []byte) string {
	return func(_ *http.Response, body []byte) string {
		var object map[string]any
		if json.Unmarshal(body, &object) != nil {
			return ""
		}
		switch value := object[name].(type) {
		case string:
			return value
		case float64, bool:
			return fmt.Sprint(value)
		}
		return ""
	}
}
