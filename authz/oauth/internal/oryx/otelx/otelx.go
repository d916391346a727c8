// Package otelx stands in for the package of the same name in
// github.com/ory/x, as far as fosite uses it.
package otelx

import (
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// End marks the span as failed when *err is set, then ends it.
func End(span trace.Span, err *error) {
	if err != nil && *err != nil {
		span.SetStatus(codes.Error, (*err).Error())
	}
	span.End()
}
