package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"serin.dev/serin/internal/kayenta"
)

func kayentaCommand() *cobra.Command {
	var o kayentaOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "kayenta",
		Short: "serve Kayenta's API: canary configs, canaries, analyses",
		Long: "kayenta answers the REST API of Spinnaker's Kayenta, so that Deck, Orca, Argo Rollouts and scripts can point at serin. It needs\n" +
			"no other server than the metric store: configs, results and what is under way are kept in --dir, or in buckets. Killed, it goes\n" +
			"on where it was. There is no authentication, as in Kayenta: only let those connect who may.",
		Example: "  serin kayenta --dir /var/lib/serin-kayenta --prometheus prod=http://prometheus.monitoring:9090\n" +
			"  serin kayenta --prometheus prod=http://prometheus:9090 --s3 team=https://minio.example.com:9000/canaries/kayenta",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Log = logger(c.ErrOrStderr(), asJSON)
			return o.serve(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8090", "address to serve at")
	f.StringVar(&o.Dir, "dir", ".serin-kayenta", "directory of the embedded store and of what is under way")
	o.flags(f, "")
	f.BoolVar(&asJSON, "log-json", false, "log as JSON lines")
	return c
}

// kayentaOptions are the flags of `serin kayenta`, and some of them those of `serin controller`.
type kayentaOptions struct {
	kayenta.Options
	listen   string
	accounts string
	metrics  []string
	buckets  []string
}

func (o *kayentaOptions) flags(f *pflag.FlagSet, prefix string) {
	f.StringVar(&o.accounts, prefix+"accounts", "", "file of accounts: Prometheuses with their credentials' files, and buckets (docs/kayenta.md)")
	f.StringArrayVar(&o.metrics, prefix+"prometheus", nil, "metrics account NAME=URL; may be given several times")
	f.StringArrayVar(&o.buckets, prefix+"s3", nil, "storage account NAME=ENDPOINT/BUCKET[/ROOT]; credentials from the environment or ~/.aws/credentials")
	f.IntVar(&o.Workers, prefix+"workers", 8, "executions worked on at the same time")
	f.IntVar(&o.History, prefix+"history", 1000, "executions that are remembered when they are over")
}

// settings are the accounts of the file and of the flags.
func (o *kayentaOptions) settings() (s kayenta.Settings, err error) {
	if o.accounts != "" {
		if s, err = kayenta.ReadSettings(o.accounts); err != nil {
			return s, err
		}
	}
	for _, text := range o.metrics {
		a, err := kayenta.ParsePrometheus(text)
		if err != nil {
			return s, fmt.Errorf("--prometheus: %w", err)
		}
		s.Metrics = append(s.Metrics, a)
	}
	for _, text := range o.buckets {
		a, err := kayenta.ParseS3(text)
		if err != nil {
			return s, fmt.Errorf("--s3: %w", err)
		}
		s.Stores = append(s.Stores, a)
	}
	if len(s.Metrics) == 0 {
		return s, errors.New("there is no metrics account: give --prometheus NAME=URL, or --accounts FILE")
	}
	return s, nil
}

// serve serves until the context ends.
func (o *kayentaOptions) serve(ctx context.Context) (err error) {
	if o.Settings, err = o.settings(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	s, err := kayenta.Open(ctx, o.Options)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	for _, a := range s.Accounts() {
		o.Log.Info("account", "name", a.Name, "type", a.Type, "supports", a.SupportedTypes)
	}
	o.Log.Info("serving Kayenta's API", "address", l.Addr().String(), "dir", o.Dir)
	return errors.Join(s.Serve(ctx, l), s.Close())
}
