package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The program under test, how users come in, and where the cluster's Prometheus and istiod answer.
var (
	program    = variable("SERIN_BIN", "../bin/serin")
	gateway    = variable("SERIN_E2E_GATEWAY", "http://10.98.0.80")
	prometheus = variable("SERIN_E2E_PROMETHEUS", "10.98.0.90:9090")
	istiod     = variable("SERIN_E2E_ISTIOD", "10.99.0.1:15010")
	// clusterCommand starts and stops parts of the cluster (e2e/cluster); empty where the cluster is somebody else's.
	clusterCommand = strings.Fields(os.Getenv("SERIN_CLUSTER"))
)

func variable(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func TestMain(m *testing.M) {
	if os.Getenv("SERIN_KUBECONFIG") == "" {
		os.Exit(m.Run()) // every test says that it was not run
	}
	house, err := open()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	theatre = house
	code := m.Run()
	if err := house.close(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
