// Package announced tells which ready pods the data planes may not know yet. Kubernetes names a ready pod in an EndpointSlice of
// its Service, a moment later as a rule, and seconds later where its controllers are busy; a data plane hears of that, while
// a route that names the Service goes straight there. Requests sent in between find nobody.
package announced
