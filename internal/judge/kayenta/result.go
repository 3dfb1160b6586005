package kayenta

// JudgeName is the one judge there is to choose in a canary config.
const JudgeName = "NetflixACAJudge-v1.0"

// Classes of a metric.
const (
	ClassPass             = "Pass"
	ClassHigh             = "High"
	ClassLow              = "Low"
	ClassNodata           = "Nodata"
	ClassNodataFailMetric = "NodataFailMetric"
	ClassError            = "Error"
)

// Labels of a score. Pass is ClassPass.
const (
	ScorePass     = "Pass"
	ScoreMarginal = "Marginal"
	ScoreFail     = "Fail"
)

// A Result is what the judge found, Kayenta's CanaryJudgeResult. Test is ours; everything else has Kayenta's names.
type Result struct {
	JudgeName   string       `json:"judgeName"`
	Results     []Analysis   `json:"results"` // one per pair, in order
	GroupScores []GroupScore `json:"groupScores"`
	Score       Score        `json:"score"`
}

// An Analysis is what the judge found about one pair, Kayenta's CanaryAnalysisResult.
type Analysis struct {
	Name                 string            `json:"name"`
	Tags                 map[string]string `json:"tags,omitzero"`
	ID                   string            `json:"id,omitempty"`
	Classification       string            `json:"classification"`
	ClassificationReason string            `json:"classificationReason,omitempty"`
	Groups               []string          `json:"groups"`
	ExperimentMetadata   SideMetadata      `json:"experimentMetadata"`
	ControlMetadata      SideMetadata      `json:"controlMetadata"`
	ResultMetadata       ResultMetadata    `json:"resultMetadata,omitzero"` // absent after an error
	Critical             bool              `json:"critical"`                // this metric alone fails the canary
	Muted                bool              `json:"muted"`                   // reported, not scored
	// Test holds the numbers the class was decided by, which Kayenta keeps to itself. Absent where no test was needed.
	Test *Test `json:"test,omitempty"`
}

// SideMetadata describes one side after it was prepared.
type SideMetadata struct {
	Stats Stats `json:"stats"`
}

// Stats summarise one side; all are zero when it is empty.
type Stats struct {
	Min   Number `json:"min"`
	Max   Number `json:"max"`
	Mean  Number `json:"mean"`
	Std   Number `json:"std"` // of the sample: n-1
	Count int    `json:"count"`
}

// ResultMetadata compares the two sides.
type ResultMetadata struct {
	Ratio *Number `json:"ratio,omitempty"` // mean(experiment)/mean(control), NaN when either is 0
}

// A Test is the Mann-Whitney U test of one pair: by how much the experiment lies above the control.
type Test struct {
	ConfidenceInterval [2]Number `json:"confidenceInterval"` // of the shift; with many ties the lower limit may exceed the upper
	Estimate           Number    `json:"estimate"`           // of the shift: Hodges-Lehmann
	Bound              Number    `json:"bound"`              // what the interval must clear: a quarter of the estimate
	EffectSize         Number    `json:"effectSize"`         // by Measure; NaN switches its limits off
	Measure            string    `json:"measure"`            // meanRatio or cles
}

// A GroupScore is the share of a group's metrics that passed, in per cent.
type GroupScore struct {
	Name                 string `json:"name"`
	Score                Number `json:"score"`
	Classification       string `json:"classification"`
	ClassificationReason string `json:"classificationReason"`
}

// A Score sums the groups up.
type Score struct {
	Score                Number `json:"score"` // 0 to 100
	Classification       string `json:"classification"`
	ClassificationReason string `json:"classificationReason"`
}
