package condition

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// What a condition may cost. Steps are counted, not timed, so that the same looks give the same verdicts on any machine.
const (
	textMost  = 2000   // characters
	nodesMost = 500    // of the parsed condition
	stepsMost = 5000   // of loops and of work on texts and lists
	unitsOf   = 64     // elements or bytes that are one step
	heapMost  = 10_000 // elements that are made on the way
)

// meterName is no word of the language, so nobody can call it or put something else in its place.
const meterName = "\x00meter"

// words are the language's own functions that conditions may use: none that reads a clock, depends on the order of a map, or
// makes much out of little.
var words = []string{
	"all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex", "count", "sum", "reduce",
	"len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "min", "max", "mean", "median", "first", "last", "get",
	"take", "sort", "sortBy", "reverse", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "indexOf", "lastIndexOf",
	"hasPrefix", "hasSuffix", "fromJSON", "toJSON", "duration", "date", "bitand", "bitor", "bitxor", "bitnand", "bitnot", "bitshl",
	"bitshr", "bitushr",
}

// An expression is a condition, ready to be asked. The zero expression, of no text, is none.
type expression struct {
	text    string
	program *vm.Program
}

// compile reads a condition and refuses one that can never be worked out.
func compile(text string) (expression, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return expression{}, nil
	}
	if len(text) > textMost {
		return expression{}, fmt.Errorf("the condition has %d characters; at most %d are read", len(text), textMost)
	}
	if _, err := expr.Compile(text, append(options(), expr.AsBool())...); err != nil {
		return expression{}, errors.New(plain(err)) // before the meter is in it, which stands between the types
	}
	program, err := expr.Compile(text, append(options(), expr.Patch(metered{}))...)
	if err != nil {
		return expression{}, errors.New(plain(err))
	}
	return expression{text, program}, nil
}

func options() []expr.Option {
	all := []expr.Option{
		expr.Env(types.Map{"result": types.Any, meterName: types.TypeOf(func(any) (any, error) { return nil, nil })}),
		expr.MaxNodes(nodesMost), expr.Optimize(false), expr.DisableAllBuiltins(),
	}
	for _, word := range words {
		all = append(all, expr.EnableBuiltin(word))
	}
	return append(all, functions()...)
}

// holds asks the condition about a value.
func (e expression) holds(value any) (bool, error) {
	m := &meter{}
	machine := vm.VM{MemoryBudget: heapMost}
	got, err := machine.Run(e.program, map[string]any{"result": value, meterName: m.weigh})
	if err != nil {
		return false, errors.New(plain(err))
	}
	holds, ok := got.(bool)
	if !ok {
		return false, fmt.Errorf("it gives %.60s, neither true nor false", shown(got))
	}
	return holds, nil
}

// metered puts the meter around everything that can be done again and again, or on something long.
type metered struct{}

// Visit looks at a node after what is in it.
func (metered) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		measure(&n.Node)
	case *ast.BinaryNode:
		measure(&n.Left)
		measure(&n.Right)
	case *ast.BuiltinNode:
		if len(n.Arguments) > 0 {
			measure(&n.Arguments[0])
		}
	case *ast.SliceNode:
		measure(&n.Node)
	}
}

func measure(node *ast.Node) {
	switch (*node).(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.NilNode, *ast.PredicateNode:
		return
	}
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: meterName}, Arguments: []ast.Node{*node}})
}

// A meter counts the steps of one asking.
type meter struct{ steps int }

func (m *meter) weigh(value any) (any, error) {
	m.steps++
	switch v := value.(type) {
	case string:
		m.steps += len(v) / unitsOf
	case []any:
		m.steps += len(v) / unitsOf
	case []float64:
		m.steps += len(v) / unitsOf
	}
	if m.steps > stepsMost {
		return nil, fmt.Errorf("it takes more than %d steps", stepsMost)
	}
	return value, nil
}

// drawing is what the language adds to its errors: the place in the condition, drawn below it.
var drawing = regexp.MustCompile(`(?s)\n \|.*`)

// plain is an error in one line.
func plain(err error) string {
	return strings.Join(strings.Fields(drawing.ReplaceAllString(strings.ReplaceAll(err.Error(), meterName, "result"), "")), " ")
}
