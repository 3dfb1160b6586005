// Package web asks any HTTP server that answers JSON, as the web provider of Argo Rollouts does. It answers queries of judges
// (metric.Querier) and counts no requests, so `metrics:` cannot name it.
//
//	query:
//	  web:
//	    url: "http://checks.example/api/{{ target }}?version={{ canaryRevision }}"
//	    method: GET                    # or POST, PUT
//	    headers: {Accept: application/json}
//	    headersFrom: {X-API-Key: {secretRef: {name: checks, key: token}}}
//	    body: "text"                   # or jsonBody: {any: JSON}; not with GET
//	    jsonPath: "{$.data.rate}"      # of Kubernetes; the first hit; default "{$}", the whole answer
//	    timeout: 2s
//	    auth: {bearer: {secretRef: {name: checks, key: token}}}
//
// The answer is the JSON value at the path; a body that is not JSON is a text. A status other than 2xx is an error; redirects are
// not followed. Answers are read up to 1 MiB. Values of words are escaped as a URL, or JSON, needs it.
//
// Whoever may write Canaries has serin send requests from where it runs. Addresses of the link are refused; where that is not
// enough, `serin controller --without metric/web` does without.
//
// Run against real HTTP servers in its tests. JSONPath is that of k8s.io/client-go, which kubectl has.
package web
