//go:build unix && !linux

package process

import (
	"os/exec"
	"strconv"
	"strings"
)

// startOf asks ps(1), whose lstart is exact to a second.
func startOf(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	state, started, found := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !found || strings.HasPrefix(state, "Z") {
		return "", errGone
	}
	return strings.TrimSpace(started), nil
}

func bootID() string { return "" }

func carries(environ, entry string) bool { return false }
