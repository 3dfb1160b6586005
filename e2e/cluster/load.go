package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/e2e/cluster/internal/image"
)

// loadLimit is how long an image may take; the largest take seconds.
const loadLimit = 5 * time.Minute

func loadCommand(name *string) *cobra.Command {
	var program image.Program
	var oci string
	c := &cobra.Command{
		Use:   "load NAME:TAG=BINARY | load NAME:TAG --oci PATH",
		Short: "make an image of a static program, or take one in the OCI layout, for pods to use",
		Long: "load makes an image of a static program, or takes one in the OCI layout (a directory or a tar file) or as docker save\n" +
			"writes it. Pods use it as registry.local/NAME:TAG; any other host before NAME finds it too.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := running(*name)
			if err != nil {
				return err
			}
			text, binary, ok := strings.Cut(args[0], "=")
			if ok == (oci != "") {
				return errors.New("want either NAME:TAG=BINARY or NAME:TAG --oci PATH")
			}
			n, err := image.ParseName(text)
			if err != nil {
				return err
			}
			program.Name, program.Binary = n, binary
			ctx, cancel := context.WithTimeout(c.Context(), loadLimit)
			defer cancel()
			digest, err := s.load(ctx, program, oci)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s@%s\n", n, digest)
			return nil
		},
		PreRunE: asRoot,
	}
	c.Flags().StringVar(&program.User, "user", "65532", "the user it runs as")
	c.Flags().StringArrayVar(&program.Args, "arg", nil, "an argument it is given; may be repeated")
	c.Flags().StringVar(&oci, "oci", "", "an image in the OCI layout")
	return c
}

func (s site) load(ctx context.Context, p image.Program, oci string) (digest string, err error) {
	if oci == "" {
		img, err := p.Image()
		if err != nil {
			return "", err
		}
		return s.Images().Push(ctx, p.Name, img)
	}
	scratch, err := os.MkdirTemp("", "serin-cluster-oci-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	list, err := image.Layout(oci, scratch)
	if err != nil {
		return "", err
	}
	return s.Images().PushIndex(ctx, p.Name, list)
}
