package condition

import (
	"fmt"
	"math"
	"strconv"

	"github.com/expr-lang/expr"
)

// functions are those that Argo Rollouts adds to the language.
func functions() []expr.Option {
	return []expr.Option{
		expr.Function("asFloat", func(args ...any) (any, error) { return asFloat(args[0]) }, new(func(any) float64)),
		expr.Function("asInt", func(args ...any) (any, error) { return asInt(args[0]) }, new(func(any) int64)),
		expr.Function("isNaN", func(args ...any) (any, error) {
			f, err := asFloat(args[0])
			return math.IsNaN(f), err
		}, new(func(any) bool)),
		expr.Function("isInf", func(args ...any) (any, error) {
			f, err := asFloat(args[0])
			return math.IsInf(f, 0), err
		}, new(func(any) bool)),
		expr.Function("isNil", func(args ...any) (any, error) { return args[0] == nil, nil }, new(func(any) bool)),
		expr.Function("default", func(args ...any) (any, error) {
			if args[0] == nil {
				return args[1], nil
			}
			return args[0], nil
		}, new(func(any, any) any)),
	}
}

// asFloat takes any number, or text that is one.
func asFloat(value any) (float64, error) {
	switch v := value.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%.60s is no number", shown(value))
}

// asInt drops what is behind the point.
func asInt(value any) (int64, error) {
	if text, ok := value.(string); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	f, err := asFloat(value)
	if err == nil && !(math.Abs(f) < 1<<63) {
		err = fmt.Errorf("%v is no whole number", f)
	}
	return int64(f), err
}
