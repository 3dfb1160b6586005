package cli

import (
	"github.com/spf13/cobra"

	"serin.dev/serin/internal/report"
)

func (p program) report() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use: "report [NAME]", Short: "write the verdict on a release: as text, Markdown, JUnit XML, JSON, or a page with plots",
		Long: "Write what became of a release, or has so far, and on what evidence. NAME is a Canary, which means its latest release, or one\n" +
			"release. The page (html) needs nothing but itself; the JSON has the schema docs/schema/report.json.",
		Example: "  serin report checkout -o html > checkout.html\n  serin report checkout-7 -o junit > report.xml",
		Args:    cobra.MaximumNArgs(1),
	})
	var names []string
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	out := formats(cmd, names...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		r, err := p.release(cmd.Context(), c, args)
		if err != nil {
			return err
		}
		as := report.Format(*out)
		if as == "" {
			as = report.Text
		}
		return report.Of(r).Write(p.Out, as)
	}
	return cmd
}
