package web

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// passage is one request on its way through the ring: the context of its
// handler, the answer so far, and what the log line will say. It is one object
// because every request needs all of it.
type passage struct {
	authz.OriginContext
	recorder
	notes notes
	// id is the request's id as the value of a header.
	id [1]string
}

// Value makes the notes known to noteIn.
func (p *passage) Value(key any) any {
	if _, ok := key.(notesKey); ok {
		return &p.notes
	}
	return p.OriginContext.Value(key)
}

// contextOf is the context of a handler that waits for nothing: the ring spares
// it the copy of the request that would carry one.
func contextOf(w http.ResponseWriter, r *http.Request) context.Context {
	if p, ok := w.(*passage); ok {
		return p
	}
	return r.Context()
}

// recorder remembers the status and size of an answer.
type recorder struct {
	http.ResponseWriter
	code int
	size int
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.size += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}
