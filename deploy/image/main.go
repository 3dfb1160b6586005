// Image makes the container image of serin from its static programs, one for each architecture: nothing but the program,
// the certificates of authorities, and a user without rights. It needs neither a base image nor a network, and the same
// programs give the same image.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	var i Image
	flag.StringVar(&i.Name, "name", "serin.dev/serin:latest", "name and tag of the image")
	flag.StringVar(&i.Revision, "revision", "", "the source's revision, for the image's label")
	flag.StringVar(&i.Certificates, "certificates", "/etc/ssl/certs/ca-certificates.crt", "certificates of authorities, for calls out of the cluster")
	out := flag.String("out", "bin/image.tar", "the OCI archive to write")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: image [flags] ARCHITECTURE=PROGRAM...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(i, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(i Image, out string, programs []string) error {
	if len(programs) == 0 {
		return fmt.Errorf("name a program, as in amd64=bin/serin-linux-amd64")
	}
	for _, p := range programs {
		arch, path, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("read %q: want ARCHITECTURE=PROGRAM", p)
		}
		i.Programs = append(i.Programs, Program{Architecture: arch, Path: path})
	}
	digest, err := i.Write(out)
	if err != nil {
		return fmt.Errorf("make image %s: %w", i.Name, err)
	}
	fmt.Printf("%s@%s\n", i.Name, digest)
	return nil
}
