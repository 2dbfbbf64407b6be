package syntax

// expression reads a whole expression: then if condition else other.
func (c *cursor) expression() *Expr {
	defer c.nest()()
	expr := c.logical("or")
	for chain := 0; c.isWord("if"); chain++ {
		c.chain(chain)
		c.advance()
		kids := []*Expr{expr, c.logical("or")}
		if c.skipWord("else") {
			kids = append(kids, c.expression())
		}
		expr = &Expr{Kind: IfElse, Start: expr.Start, End: c.last, Kids: kids}
	}
	return expr
}

// chain bounds a run of operators of one level, each of which deepens the tree by one.
func (c *cursor) chain(n int) {
	if n >= maxNesting {
		c.fail(c.token.start, "this expression is too long (%d operators at most)", maxNesting)
	}
}

func (c *cursor) logical(word string) *Expr {
	operand := c.not
	if word == "or" {
		operand = func() *Expr { return c.logical("and") }
	}
	expr := operand()
	for n := 0; c.isWord(word); n++ {
		c.chain(n)
		c.advance()
		right := operand()
		expr = &Expr{Kind: Logical, Text: word, Start: expr.Start, End: c.last, Kids: []*Expr{expr, right}}
	}
	return expr
}

func (c *cursor) not() *Expr {
	if !c.isWord("not") {
		return c.compare()
	}
	defer c.nest()()
	start := c.advance().start
	operand := c.not()
	return &Expr{Kind: Unary, Text: "not", Start: start, End: c.last, Kids: []*Expr{operand}}
}

func (c *cursor) compare() *Expr {
	left := c.binary(0)
	kids, ops := []*Expr{left}, []Op(nil)
	for {
		op, ok := c.compareOp()
		if !ok {
			break
		}
		c.chain(len(ops))
		ops = append(ops, op)
		kids = append(kids, c.binary(0))
	}
	if len(ops) == 0 {
		return left
	}
	return &Expr{Kind: Compare, Start: left.Start, End: c.last, Kids: kids, Ops: ops}
}

func (c *cursor) compareOp() (Op, bool) {
	start := c.token.start
	switch {
	case c.token.kind == tokenSign:
		switch c.token.text {
		case "==", "!=", "<", "<=", ">", ">=":
			t := c.advance()
			return Op{Text: t.text, Start: start, End: t.end}, true
		}
	case c.skipWord("in"):
		return Op{Text: "in", Start: start, End: c.last}, true
	case c.isWord("not"):
		c.advance()
		c.expectWord("in")
		return Op{Text: "not in", Start: start, End: c.last}, true
	}
	return Op{}, false
}

// levels are the binary operators, weakest first.
var levels = [...][]string{{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

func (c *cursor) binary(level int) *Expr {
	if level == len(levels) {
		return c.unary()
	}
	expr := c.binary(level + 1)
	for n := 0; c.isOneOf(levels[level]); n++ {
		c.chain(n)
		t := c.advance()
		right := c.binary(level + 1)
		expr = &Expr{
			Kind: Binary, Start: expr.Start, End: c.last, Kids: []*Expr{expr, right},
			Ops: []Op{{Text: t.text, Start: t.start, End: t.end}},
		}
	}
	return expr
}

func (c *cursor) isOneOf(list []string) bool {
	for _, sign := range list {
		if c.is(sign) {
			return true
		}
	}
	return false
}

func (c *cursor) unary() *Expr { return c.filters(c.postfix(c.prefix())) }

func (c *cursor) prefix() *Expr {
	if !c.is("-") && !c.is("+") {
		return c.primary()
	}
	defer c.nest()()
	t := c.advance()
	if t.text == "+" {
		c.fail(t.start, "unexpected +")
	}
	operand := c.prefix()
	return &Expr{Kind: Unary, Text: "-", Start: t.start, End: c.last, Kids: []*Expr{operand}}
}

func (c *cursor) postfix(expr *Expr) *Expr {
	for n := 0; ; n++ {
		c.chain(n)
		switch {
		case c.skip("."):
			expr = c.attribute(expr)
		case c.is("["):
			expr = c.subscript(expr)
		case c.is("("):
			open := c.token.start
			args := c.arguments()
			expr = &Expr{
				Kind: Call, Start: expr.Start, End: c.last, Kids: []*Expr{expr}, Args: args, Open: open, Close: c.last,
			}
		default:
			return expr
		}
	}
}

func (c *cursor) attribute(of *Expr) *Expr {
	if c.token.kind == tokenNumber {
		t := c.advance()
		index := &Expr{Kind: Const, Text: t.text, Start: t.start, End: t.end}
		return &Expr{Kind: Item, Start: of.Start, End: c.last, Kids: []*Expr{of, index}}
	}
	t := c.name("an attribute's name")
	return &Expr{Kind: Attr, Text: t.text, TextStart: t.start, Start: of.Start, End: c.last, Kids: []*Expr{of}}
}

func (c *cursor) subscript(of *Expr) *Expr {
	c.expect("[")
	expr := &Expr{Kind: Item, Start: of.Start, Kids: []*Expr{of}}
	for !c.is("]") {
		if c.skip(":") {
			expr.Kind = Slice
			continue
		}
		if expr.Kind == Item && len(expr.Kids) > 1 || len(expr.Kids) > 3 {
			c.fail(c.token.start, "expected ], found %s", c.found())
		}
		expr.Kids = append(expr.Kids, c.expression())
	}
	if len(expr.Kids) == 1 && expr.Kind == Item {
		c.fail(c.token.start, "an index is missing")
	}
	c.expect("]")
	expr.End = c.last
	return expr
}
