package web

import "strings"

// plain reads what gateways send all day: members that this endpoint has, each
// once, of texts that are not empty and need no escape. It reports false for
// all else, right or wrong, and with q in any state: decode tells.
func (q *question) plain(body string) bool {
	p := plainJSON{body}
	var method string
	return p.object(func(name string) bool {
		switch name {
		case "credential":
			return p.text((*string)(&q.credential))
		case "action":
			return p.text(&q.use.Action)
		case "environment":
			return p.text((*string)(&q.use.Environment))
		case "client_ip":
			return p.text(&q.use.ClientIP)
		case "method":
			return p.text(&method)
		case "resource":
			return q.use.Kind == "" && q.use.ID == "" && p.object(func(name string) bool {
				switch name {
				case "kind":
					return p.text((*string)(&q.use.Kind))
				case "id":
					return p.text(&q.use.ID)
				}
				return false
			})
		}
		return false
	}) && p.rest == ""
}

// plainJSON is JSON (RFC 8259) that is not read yet.
type plainJSON struct{ rest string }

// object reads an object that has members, each by member.
func (p *plainJSON) object(member func(name string) bool) bool {
	if !p.next('{') {
		return false
	}
	for {
		var name string
		if !p.text(&name) || !p.next(':') || !member(name) {
			return false
		}
		if !p.next(',') {
			return p.next('}')
		}
	}
}

// text reads a text into one that is still empty.
func (p *plainJSON) text(into *string) bool {
	if *into != "" || !p.next('"') {
		return false
	}
	end := strings.IndexByte(p.rest, '"')
	if end <= 0 {
		return false
	}
	text := p.rest[:end]
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	*into, p.rest = text, p.rest[end+1:]
	p.space()
	return true
}

// next reads one structural character, and the space behind it.
func (p *plainJSON) next(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	if c != '"' {
		p.space()
	}
	return true
}

func (p *plainJSON) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }
