package config

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds nesting; the deepest setting is at 6.
const maxDepth = 32

// parse returns the document of a YAML text, nil when it is empty.
func parse(text []byte) (ast.Node, *Problem) {
	tokens := lexer.Tokenize(string(text))
	if p := refuse(tokens); p != nil {
		return nil, p
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxProblem(err)
	}
	var body ast.Node
	for _, doc := range f.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			return nil, &Problem{Message: "must hold one YAML document"}
		default:
			body = doc.Body
		}
	}
	return body, nil
}

// refuse looks at the tokens before the parser does. The lexer is linear, but
// the parser takes minutes over a file of opening brackets, and aliases of
// aliases grow without bound.
func refuse(tokens token.Tokens) *Problem {
	var flow, entries, line int
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType:
			return problemAtToken(t, "anchors, aliases, tags, merges and complex keys are not supported")
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			entries++
		}
		if flow > maxDepth || entries > maxDepth {
			return problemAtToken(t, "is nested too deeply")
		}
	}
	return nil
}

// syntaxProblem leaves out the library's excerpt of the file: a secret may
// stand in it.
func syntaxProblem(err error) *Problem {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return problemAtToken(syntax.GetToken(), "is not YAML: "+syntax.GetMessage())
	}
	return &Problem{Message: "is not YAML"}
}

func problemAtToken(t *token.Token, message string) *Problem {
	p := &Problem{Message: message}
	if t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	return p
}
