package syntax

func (c *cursor) primary() *Expr {
	t := c.token
	switch {
	case t.kind == tokenName:
		return c.word()
	case t.kind == tokenNumber:
		c.advance()
		return &Expr{Kind: Const, Text: t.text, Start: t.start, End: t.end}
	case t.kind == tokenString:
		c.advance()
		return &Expr{Kind: Const, Text: t.text, String: true, Start: t.start, End: t.end}
	case c.is("("):
		return c.parenthesis()
	case c.is("["):
		return c.list()
	case c.is("{"):
		return c.mapping()
	}
	c.fail(t.start, "expected an expression, found %s", c.found())
	return nil
}

func (c *cursor) word() *Expr {
	t := c.advance()
	switch t.text {
	case "true", "True", "false", "False", "none", "None":
		return &Expr{Kind: Const, Text: t.text, Start: t.start, End: t.end}
	case "and", "or", "not", "in", "is", "if", "else":
		c.fail(t.start, "expected an expression, found %s", t.text)
	}
	return &Expr{Kind: Name, Text: t.text, Start: t.start, End: t.end}
}

// parenthesis reads (a), (a, b) or (). The offsets of what is inside are widened to the brackets.
func (c *cursor) parenthesis() *Expr {
	start := c.token.start
	c.expect("(")
	var kids []*Expr
	tuple := c.is(")")
	for !c.is(")") {
		kids = append(kids, c.expression())
		if !c.skip(",") {
			break
		}
		tuple = true
	}
	c.expect(")")
	if tuple {
		return &Expr{Kind: List, Start: start, End: c.last, Kids: kids}
	}
	kids[0].Start, kids[0].End = start, c.last
	return kids[0]
}

func (c *cursor) list() *Expr {
	start := c.token.start
	c.expect("[")
	var kids []*Expr
	for !c.is("]") {
		kids = append(kids, c.expression())
		if !c.skip(",") {
			break
		}
	}
	c.expect("]")
	return &Expr{Kind: List, Start: start, End: c.last, Kids: kids}
}

func (c *cursor) mapping() *Expr {
	start := c.token.start
	c.expect("{")
	var kids []*Expr
	for !c.is("}") {
		kids = append(kids, c.expression())
		c.expect(":")
		kids = append(kids, c.expression())
		if !c.skip(",") {
			break
		}
	}
	c.expect("}")
	return &Expr{Kind: Map, Start: start, End: c.last, Kids: kids}
}

func (c *cursor) arguments() []Arg {
	c.expect("(")
	var args []Arg
	for !c.is(")") {
		if c.is("*") || c.is("**") {
			c.fail(c.token.start, "arguments cannot be unpacked with * here")
		}
		args = append(args, c.argument())
		if !c.skip(",") {
			break
		}
	}
	c.expect(")")
	return args
}

func (c *cursor) argument() Arg {
	value := c.expression()
	if value.Kind == Name && c.skip("=") {
		return Arg{Name: value.Text, Value: c.expression()}
	}
	return Arg{Value: value}
}

// filters reads what follows an operand: |filter and is test.
func (c *cursor) filters(expr *Expr) *Expr {
	for n := 0; ; n++ {
		c.chain(n)
		switch {
		case c.skip("|"):
			expr = c.filter(expr)
		case c.skipWord("is"):
			expr = c.test(expr)
		default:
			return expr
		}
	}
}

func (c *cursor) filter(of *Expr) *Expr {
	t := c.name("a filter's name")
	expr := &Expr{Kind: Filter, Text: t.text, TextStart: t.start, Kids: []*Expr{of}}
	expr.Start = t.start
	if of != nil {
		expr.Start = of.Start
	}
	if c.is("(") {
		expr.Args = c.arguments()
	}
	expr.End = c.last
	return expr
}

func (c *cursor) test(of *Expr) *Expr {
	negated := c.skipWord("not")
	t := c.name("a test's name")
	expr := &Expr{
		Kind: Test, Text: t.text, TextStart: t.start, Negated: negated, Start: of.Start, Kids: []*Expr{of},
	}
	switch {
	case c.is("("):
		expr.Args = c.arguments()
	case c.startsTestOperand():
		expr.Args = []Arg{{Value: c.postfix(c.prefix())}}
	}
	expr.End = c.last
	return expr
}

// startsTestOperand tells "x is divisibleby 3" from "x is defined and y".
func (c *cursor) startsTestOperand() bool {
	switch c.token.kind {
	case tokenString, tokenNumber:
		return true
	case tokenName:
		switch c.token.text {
		case "and", "or", "else", "is", "not", "in", "if":
			return false
		}
		return true
	default:
		return c.is("-") || c.is("[") || c.is("{")
	}
}
