package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/stream"
	"serin.dev/serin/internal/loadtest"
)

func judgeCommand() *cobra.Command {
	var file, format string
	c := &cobra.Command{
		Use: "judge [-f JUDGE.yaml]", Short: "read looks on standard input, write one verdict per look",
		Long: "judge reads one look per line as JSON and answers each with one line. The settings are the `judge:` block of a Canary; an empty\n" +
			"file, or none, means all defaults.\n\n" +
			"With `kind: kayenta` a line is a whole canary, {\"id\":..,\"canaryConfig\":{..},\"metricSetPairList\":[..],\n" +
			"\"scoreThresholds\":{..}}, and is judged on its own, as by Kayenta. `config: FILE` names a config for lines without one.",
		Example: "  serin judge -f judge.yaml < looks.jsonl", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "jsonl" {
				return fmt.Errorf("no format %q; there is jsonl", format)
			}
			var settings []byte
			if file != "" {
				var err error
				if settings, err = os.ReadFile(file); err != nil {
					return err
				}
			}
			kind, err := stream.Kind(file, settings)
			if err != nil {
				return err
			}
			if kind == "kayenta" {
				s, err := standIn(file, settings)
				if err != nil {
					return err
				}
				return stream.ServePairs(c.Context(), c.InOrStdin(), c.OutOrStdout(), s)
			}
			j, err := stream.New(file, settings)
			if err != nil {
				return err
			}
			return stream.Serve(c.Context(), c.InOrStdin(), c.OutOrStdout(), j)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "settings")
	c.Flags().StringVar(&format, "format", "jsonl", "of looks and verdicts")
	return c
}

// standIn reads the settings of kind kayenta, and the canary config they may name: beside them, or in the working directory.
func standIn(file string, settings []byte) (kayenta.StandIn, error) {
	s, err := stream.NewStandIn(file, settings)
	if err != nil || s.File == "" {
		return s, err
	}
	path := s.File
	if beside := filepath.Join(filepath.Dir(file), path); !filepath.IsAbs(path) && file != "" {
		if _, err := os.Stat(beside); err == nil {
			path = beside
		}
	}
	in, err := os.Open(path)
	if err != nil {
		return s, fmt.Errorf("read %s: config: %w", file, err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, kayenta.ConfigMost+1))
	if err != nil {
		return s, fmt.Errorf("read %s: config: %w", file, err)
	}
	config, err := kayenta.ReadConfig(data)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	s.Config = &config
	return s, nil
}

func loadtestCommand() *cobra.Command {
	var o loadtest.Options
	var headers []string
	var body, group string
	var asJSON bool
	c := &cobra.Command{
		Use: "loadtest URL", Short: "send requests to a server and count what comes back",
		Long: "loadtest sends requests at a constant rate, whether or not earlier ones were answered, and measures latency from the moment a\n" +
			"request was due. Without --rate each worker sends its next request when the last is answered.",
		Example: "  serin loadtest --rate 200 --duration 30s http://127.0.0.1:8080/", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.URL, o.Body = args[0], []byte(body)
			var err error
			if o.Header, err = header(headers); err != nil {
				return err
			}
			if group != "" {
				o.Group = loadtest.ByHeader(group)
			}
			t, err := loadtest.New(o)
			if err != nil {
				return err
			}
			report := t.Run(c.Context())
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(report)
			}
			fmt.Fprintln(c.OutOrStdout(), report)
			return nil
		},
	}
	f := c.Flags()
	f.Float64Var(&o.Rate, "rate", 0, "requests per second; 0: as fast as answers come")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "how long")
	f.Int64Var(&o.Requests, "requests", 0, "how many; 0: no limit")
	f.IntVar(&o.Workers, "workers", 0, "requests under way at once (default 64 with a rate, 16 without)")
	f.DurationVar(&o.Timeout, "timeout", 10*time.Second, "of one request")
	f.DurationVar(&o.Warmup, "warmup", 0, "first part that is not counted")
	f.BoolVar(&o.HTTP2, "http2", false, "HTTP/2, in clear text by prior knowledge")
	f.StringVar(&o.Method, "method", "", "method (default GET, or POST with a body)")
	f.StringArrayVarP(&headers, "header", "H", nil, "header \"Name: value\"; may be given several times")
	f.StringVar(&body, "body", "", "body")
	f.StringVar(&group, "group-by", "", "count answers apart by this header of theirs, for instance Serin-Instance")
	f.BoolVar(&asJSON, "json", false, "report as JSON")
	return c
}

func header(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("header %q: want \"Name: value\"", line)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}
