package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxList bounds every list and map in the file.
const maxList = 1000

// decoder lays YAML over a value and notes every problem on the way, where a
// decoder of the library stops at the first.
type decoder struct {
	env       environment // a profile may be chosen in the environment
	problems  Problems
	positions map[string]position
}

type position struct{ line, column int }

// defaulter is a list's element that does not start from zero. peek tells what
// the file or the environment says of a key.
type defaulter interface {
	setDefaults(peek func(key string) string)
}

// file decodes a whole document into v. It reports whether the text was YAML.
func (d *decoder) file(text []byte, v reflect.Value) bool {
	body, p := parse(text)
	if p != nil {
		d.problems = append(d.problems, *p)
		return false
	}
	if body != nil {
		d.value("", body, v)
	}
	return true
}

func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	d.place(path, n)
	switch {
	case n.Type() == ast.NullType: // the same as leaving it out
	case isScalar(v.Type()):
		d.scalar(path, n, v)
	case v.Kind() == reflect.Struct:
		d.block(path, n, v)
	case v.Kind() == reflect.Map:
		d.entries(path, n, v)
	default:
		d.list(path, n, v)
	}
}

func (d *decoder) scalar(path string, n ast.Node, v reflect.Value) {
	text, ok := scalarText(n)
	if !ok {
		d.problem(path, n, "must be a single value")
		return
	}
	if err := setScalar(v, text); err != nil {
		d.problem(path, n, err.Error())
	}
}

// block decodes a mapping into a struct.
func (d *decoder) block(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	for _, pair := range pairs {
		key := keyText(pair)
		field, ok := fieldByKey(v, key)
		if !ok {
			d.problem(join(path, key), pair.Key, "unknown key")
			continue
		}
		d.value(join(path, key), pair.Value, field)
	}
}

// entries decodes a mapping into a map, beside what is in it.
func (d *decoder) entries(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	for _, pair := range pairs {
		at := join(path, keyText(pair))
		d.place(at, pair.Value)
		element := reflect.New(v.Type().Elem()).Elem()
		d.scalar(at, pair.Value, element)
		putEntry(v, keyText(pair), element)
	}
}

// list decodes a sequence into a slice, in place of what is in it.
func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok || len(sequence.Values) > maxList {
		d.problem(path, n, fmt.Sprintf("must be a list of at most %d", maxList))
		return
	}
	v.SetZero()
	for i, item := range sequence.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		element := newElement(v.Type().Elem(), func(key string) string {
			if text, ok := d.env[envName(join(at, key))]; ok {
				return text
			}
			return peekNode(item, key)
		})
		d.value(at, item, element)
		v.Set(reflect.Append(v, element))
	}
}

// pairs are the members of a mapping.
func (d *decoder) pairs(path string, n ast.Node) ([]*ast.MappingValueNode, bool) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	}
	if pairs == nil && !emptyMapping(n) || len(pairs) > maxList {
		d.problem(path, n, "must be a mapping of names to values")
		return nil, false
	}
	return pairs, true
}

func (d *decoder) problem(path string, n ast.Node, message string) {
	p := Problem{Path: path, Message: message}
	if t := n.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	d.problems = append(d.problems, p)
}

func (d *decoder) place(path string, n ast.Node) {
	if t := n.GetToken(); d.positions != nil && t != nil && t.Position != nil {
		d.positions[path] = position{t.Position.Line, t.Position.Column}
	}
}

func emptyMapping(n ast.Node) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && len(m.Values) == 0
}

func keyText(pair *ast.MappingValueNode) string {
	if t := pair.Key.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// scalarText is the text of a scalar as it was written, quotes aside.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// peekNode is the scalar under key of a mapping, or "".
func peekNode(n ast.Node, key string) string {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = append(pairs, n)
	}
	for _, pair := range pairs {
		if keyText(pair) == key {
			text, _ := scalarText(pair.Value)
			return text
		}
	}
	return ""
}
