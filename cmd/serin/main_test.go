package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is the real program, built once for all tests of this package or named by SERIN_BIN.
var bin string

// TestMain makes this test binary two things: the tests, and the application that the tests release.
func TestMain(m *testing.M) {
	if settings, ok := os.LookupEnv(appSettings); ok {
		runApp(settings)
		return
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if bin = os.Getenv("SERIN_BIN"); bin != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "serin-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "serin")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build serin: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// long skips a test that takes many seconds where only the quick ones are wanted, and says so.
func long(t *testing.T, why string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("SKIPPED by -short: %s; run `make test` for it", why)
	}
}
