package syntax

// reference reads the tags that name another template. The name is a literal, so that what a
// template reads is known without running it and cycles are found beforehand.
func (p *parser) reference(s *Stmt, word string, c *cursor) {
	t := c.token
	if t.kind != tokenString {
		c.fail(t.start, "%s needs the name of a template as a literal string", word)
	}
	c.advance()
	s.Name, s.NameStart = t.text, t.start
	switch word {
	case "extends":
		s.Kind = Extends
		if p.depth > 1 || p.extended {
			p.fail(s.Start, "extends stands once, at the top of a template, outside of blocks")
		}
		p.extended = true
	case "include":
		s.Kind = Include
		c.context()
		if c.skipWord("ignore") {
			c.expectWord("missing")
		}
		c.context()
	case "import":
		s.Kind = Import
		c.expectWord("as")
		s.Assigns = []Assign{{Target: c.simpleName()}}
		c.context()
	case "from":
		s.Kind = From
		c.expectWord("import")
		c.imports(s)
	}
	c.done()
}

func (c *cursor) imports(s *Stmt) {
	for c.token.kind == tokenName {
		name := c.advance().text
		if c.skipWord("as") {
			name = c.name("a name").text
		}
		s.Imports = append(s.Imports, name)
		if !c.skip(",") {
			break
		}
	}
	c.context()
}

func (c *cursor) context() {
	if c.isWord("with") || c.isWord("without") {
		c.advance()
		c.expectWord("context")
	}
}

func (c *cursor) simpleName() *Expr {
	t := c.name("a name")
	return &Expr{Kind: Name, Text: t.text, Start: t.start, End: t.end}
}

// target reads what is assigned to: a, b or, where attributes may be set, ns.a.
func (c *cursor) target(attributes bool) *Expr {
	expr := c.targetName(attributes)
	if !c.is(",") {
		return expr
	}
	list := &Expr{Kind: List, Start: expr.Start, Kids: []*Expr{expr}}
	for c.skip(",") {
		if c.token.kind != tokenName && !c.is("(") {
			break
		}
		list.Kids = append(list.Kids, c.targetName(attributes))
	}
	list.End = c.last
	return list
}

func (c *cursor) targetName(attributes bool) *Expr {
	if c.skip("(") {
		defer c.nest()()
		expr := c.target(false)
		c.expect(")")
		return expr
	}
	expr := c.simpleName()
	switch expr.Text {
	case "loop", "self", "super", "caller", "varargs", "kwargs":
		c.fail(expr.Start, "%s cannot be assigned to", expr.Text)
	}
	if attributes && c.skip(".") {
		return c.attribute(expr)
	}
	return expr
}

// params reads a macro's parameters.
func (c *cursor) params() []Assign {
	c.expect("(")
	var out []Assign
	for !c.is(")") {
		p := Assign{Target: c.simpleName()}
		if c.skip("=") {
			p.Value = c.expression()
		}
		out = append(out, p)
		if !c.skip(",") {
			break
		}
	}
	c.expect(")")
	return out
}

// filterChain reads name(args)|name(args), without an operand.
func (c *cursor) filterChain() []*Expr {
	out := []*Expr{c.filter(nil)}
	for c.skip("|") {
		out = append(out, c.filter(nil))
	}
	return out
}
