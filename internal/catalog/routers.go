package catalog

import (
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/proxy"
)

// Routers lists what can send requests to tracks.
var Routers = []router.Driver{
	proxy.Driver,
}
