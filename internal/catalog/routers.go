package catalog

import (
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/endpoints"
	"serin.dev/serin/internal/router/gatewayapi"
	"serin.dev/serin/internal/router/istio"
	"serin.dev/serin/internal/router/proxy"
	"serin.dev/serin/internal/router/replicas"
	"serin.dev/serin/internal/router/traefik"
)

// Routers lists what can send requests to tracks.
var Routers = []router.Driver{
	proxy.Driver,
	replicas.Driver,
	gatewayapi.Driver,
	istio.Driver,
	traefik.Driver,
	endpoints.Driver,
}
