package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// startOf returns the start time of a living process in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
// A zombie is gone: in a container nobody may ever reap it.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", errGone
	}
	// The second field is the program's name in parentheses and may itself hold spaces and parentheses.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", errGone
	}
	return fields[19], nil
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// carries reports whether the environment a process was started with holds the entry.
func carries(environ, entry string) bool {
	data, err := os.ReadFile(environ)
	return err == nil && slices.Contains(strings.Split(string(data), "\x00"), entry)
}
