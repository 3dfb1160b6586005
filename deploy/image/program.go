package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// read returns the binary. One for another architecture is refused, and one that asks for a dynamic loader: there is none in
// the image, and a kernel would say no more than that /serin does not exist.
func (p Program) read() ([]byte, error) {
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is no program of Linux: %w", err)
	}
	if want, ok := machines[p.Architecture]; !ok || f.Machine != want {
		return nil, fmt.Errorf("it is a program for %s", f.Machine)
	}
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			return nil, errors.New("it is not static: build it with CGO_ENABLED=0")
		}
	}
	return data, nil
}
