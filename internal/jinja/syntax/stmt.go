package syntax

import "github.com/presswork/presswork/internal/template"

func (p *parser) statement(segment template.Segment, word string, c *cursor) *Stmt {
	s := &Stmt{Start: segment.Start, Close: segment.InnerEnd}
	switch word {
	case "for":
		p.forLoop(s, c)
	case "if":
		p.condition(s, c)
	case "with":
		p.with(s, c)
	case "set":
		p.set(s, c)
	case "block":
		p.block(s, c)
	case "extends", "include", "import", "from":
		p.reference(s, word, c)
	case "macro":
		p.macro(s, c)
	case "call":
		p.call(s, c)
	case "filter":
		s.Kind = FilterBlock
		s.Filters = c.filterChain()
		c.done()
		s.Body = p.closing(s, "endfilter")
	case "do":
		s.Kind = Do
		s.Expr = c.expression()
		if s.Expr.Kind != Call {
			c.fail(s.Expr.Start, "do needs a call")
		}
		c.done()
	case "break", "continue":
		if p.loops == 0 {
			p.fail(segment.InnerStart, "%s stands outside of a loop", word)
		}
		s.Kind = Jump
		c.done()
	default:
		p.refuse(segment, word)
	}
	return s
}

func (p *parser) refuse(segment template.Segment, word string) {
	switch word {
	case "autoescape":
		p.fail(segment.InnerStart, "autoescape cannot be changed: values in HTML are always escaped")
	case "else", "elif", "endfor", "endif", "endwith", "endset", "endblock", "endmacro", "endcall", "endfilter", "endraw":
		p.fail(segment.InnerStart, "%s without its beginning", word)
	}
	p.fail(segment.InnerStart, "unknown tag %s", word)
}

func (p *parser) forLoop(s *Stmt, c *cursor) {
	s.Kind = For
	s.Target = c.target(false)
	c.expectWord("in")
	s.Expr = c.logical("or")
	if c.skipWord("if") {
		s.Cond = c.expression()
	}
	c.skipWord("recursive")
	c.done()
	p.loops++
	body, word, end := p.body(s, "endfor", "else")
	p.loops--
	s.Body = body
	end.done()
	if word == "else" {
		s.Else = p.closing(s, "endfor")
	}
}

func (p *parser) condition(s *Stmt, c *cursor) {
	s.Kind = If
	s.Expr = c.expression()
	c.done()
	body, word, end := p.body(s, "endif", "else", "elif")
	s.Body = body
	switch word {
	case "else":
		end.done()
		s.Else = p.closing(s, "endif")
	case "elif":
		next := &Stmt{Start: s.Start, Close: end.end}
		p.depth++
		if p.depth > maxNesting {
			p.fail(s.Start, "too many elif branches (%d at most)", maxNesting)
		}
		p.condition(next, end)
		p.depth--
		s.Else = []*Stmt{next}
	default:
		end.done()
	}
}

func (p *parser) with(s *Stmt, c *cursor) {
	s.Kind = With
	for c.token.kind != tokenEnd {
		target := c.target(false)
		c.expect("=")
		s.Assigns = append(s.Assigns, Assign{Target: target, Value: c.expression()})
		if !c.skip(",") {
			break
		}
	}
	c.done()
	s.Body = p.closing(s, "endwith")
}

func (p *parser) set(s *Stmt, c *cursor) {
	s.Target = c.target(true)
	s.TargetEnd = c.last
	if c.skip("=") {
		s.Kind = Set
		s.Expr = c.values()
		c.done()
		return
	}
	s.Kind = SetBlock
	if c.skip("|") {
		s.Filters = c.filterChain()
	}
	c.done()
	s.Body = p.closing(s, "endset")
}

// values reads an expression, or several as a list.
func (c *cursor) values() *Expr {
	expr := c.expression()
	if !c.is(",") {
		return expr
	}
	list := &Expr{Kind: List, Start: expr.Start, Kids: []*Expr{expr}}
	for c.skip(",") && c.token.kind != tokenEnd {
		list.Kids = append(list.Kids, c.expression())
	}
	list.End = c.last
	return list
}

func (p *parser) block(s *Stmt, c *cursor) {
	s.Kind = Block
	s.Name = c.name("the block's name").text
	for c.skipWord("scoped") || c.skipWord("required") {
		continue
	}
	c.done()
	s.Body = p.closing(s, "endblock")
}

func (p *parser) macro(s *Stmt, c *cursor) {
	s.Kind = Macro
	s.Name = c.name("the macro's name").text
	s.Params = c.params()
	c.done()
	s.Body = p.routine(s, "endmacro")
}

func (p *parser) call(s *Stmt, c *cursor) {
	s.Kind = CallBlock
	if c.is("(") {
		s.Params = c.params()
	}
	s.Expr = c.expression()
	if s.Expr.Kind != Call {
		c.fail(s.Expr.Start, "call needs a call of a macro")
	}
	c.done()
	s.Body = p.routine(s, "endcall")
}

// routine is a body that runs elsewhere: break and continue do not reach out of it.
func (p *parser) routine(s *Stmt, end string) []*Stmt {
	loops := p.loops
	p.loops = 0
	defer func() { p.loops = loops }()
	return p.closing(s, end)
}
