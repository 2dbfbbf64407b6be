package syntax

// ExprKind tells expressions apart.
type ExprKind uint8

// The kinds of expression; which fields of Expr each uses is said in brackets.
const (
	Name    ExprKind = iota // [Text]
	Const                   // [Text, String]
	List                    // [Kids], tuples too
	Map                     // [Kids: key, value, key, value …]
	Attr                    // [Kids[0], Text]
	Item                    // [Kids[0], Kids[1]]
	Slice                   // [Kids[0], bounds in Kids[1:]]
	Call                    // [Kids[0], Args, Open, Close]
	Filter                  // [Kids[0], Text, TextStart, Args]
	Test                    // [Kids[0], Text, TextStart, Args, Negated]
	Unary                   // [Kids[0], Text: "not", "-", "+"]
	Binary                  // [Kids, Ops[0]]: + - * / // % ** ~
	Compare                 // [Kids, Ops]: == != < <= > >= in, not in
	Logical                 // [Kids, Text: "and", "or"]
	IfElse                  // [Kids: then, condition, else]
)

// Expr is an expression.
type Expr struct {
	Kind ExprKind
	// Start and End are byte offsets into the source; surrounding parentheses count.
	Start, End int
	// Text is a name, an operator, or the content of a string constant.
	Text string
	// TextStart is the byte offset of the name of a filter, test or attribute.
	TextStart int
	// String says that a constant is a string.
	String bool
	// Negated says that a test is "is not".
	Negated bool
	// Open is the byte offset of a call's opening parenthesis, Close the one behind its closing one.
	Open, Close int
	Kids        []*Expr
	Args        []Arg
	Ops         []Op
}

// Arg is an argument of a call, filter or test; Name is empty for positional ones.
type Arg struct {
	Name  string
	Value *Expr
}

// Op is an operator between two operands, with its byte offsets.
type Op struct {
	Text       string
	Start, End int
}

// StmtKind tells statements apart.
type StmtKind uint8

// The kinds of statement.
const (
	Text        StmtKind = iota // literal text; Size bytes
	Emit                        // {{ Expr }}
	For                         // Target, Expr, Cond, Body, Else
	If                          // Expr, Body, Else (an elif is an If in Else)
	With                        // Assigns, Body
	Set                         // Target, Expr
	SetBlock                    // Target, Filters, Body
	Block                       // Name, Body
	Extends                     // Name
	Include                     // Name
	Import                      // Name, Assigns[0].Target: {% import "x" as y %}
	From                        // Name, Imports: {% from "x" import y as z %}
	Macro                       // Name, Params, Body
	CallBlock                   // Params, Expr, Body
	FilterBlock                 // Filters, Body
	Do                          // Expr
	Jump                        // {% break %}, {% continue %}
)

// Stmt is a statement with all that it encloses.
type Stmt struct {
	Kind StmtKind
	// Start is the byte offset of the opening tag; Close that of its closing delimiter, sign included.
	Start, Close int
	// TargetEnd is the offset behind the target of a set block.
	TargetEnd int
	Name      string
	// NameStart is the byte offset of Name.
	NameStart int
	Target    *Expr
	Expr      *Expr
	Cond      *Expr
	Assigns   []Assign
	Params    []Assign
	Imports   []string
	Filters   []*Expr
	Body      []*Stmt
	Else      []*Stmt
	// Size is the number of bytes of literal text.
	Size int
}

// Assign is a target and its value; a parameter without a default has a nil Value.
type Assign struct {
	Target *Expr
	Value  *Expr
}
