package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// POST /v1/verify: is this credential good for this, here, now? Who asks
// authenticates like at introspection, or with an API key of its own.
func (s *site) postVerify(w http.ResponseWriter, r *http.Request) error {
	ctx := contextOf(w, r)
	question, err := s.readQuestion(r)
	if err != nil {
		return err
	}
	by, err := s.askerOf(ctx, r, first(r.Header, "Authorization"))
	if err == nil && by.own != "" && by.own == question.credential {
		err = errAsksItself
	}
	if err != nil {
		return s.unauthenticated(r.WithContext(ctx), "verification.refused", "", err)
	}
	noteIn(ctx).clientID = by.id
	if err := allow(s.limits.Introspect.PerClient, by.id); err != nil {
		return err
	}
	found, err := s.check(ctx, by, question.credential, question.use)
	if err != nil {
		return err
	}
	w.Header()["Cache-Control"] = noStore
	s.writeVerdict(w, found)
	return nil
}

func (s *site) writeVerdict(w http.ResponseWriter, found checked) {
	buffer := s.buffer()
	defer s.bodies.Put(buffer)
	_, _ = buffer.Write(appendVerdict(buffer.AvailableBuffer(), found)) // so that it keeps the room for the next
	writeRendered(w, http.StatusOK, buffer.Bytes())
}

// appendVerdict renders the answer to a question: the decision, then the members
// of the introspection.
func appendVerdict(body []byte, found checked) []byte {
	told := inactive
	if found.record != nil {
		told = found.record.JSON
	}
	body = append(body, `{"allowed":`...)
	body = strconv.AppendBool(body, found.reason == credential.OK)
	body = append(append(append(body, `,"reason":"`...), found.reason...), '"')
	if q := found.quota; q.Limit > 0 {
		body = appendQuota(append(body, `,"rate_limit":`...), q)
	}
	return append(append(body, ','), told[1:]...)
}

func appendQuota(body []byte, q authz.Quota) []byte {
	body = strconv.AppendInt(append(body, `{"limit":`...), int64(q.Limit), 10)
	body = strconv.AppendInt(append(body, `,"remaining":`...), int64(q.Remaining), 10)
	body = strconv.AppendInt(append(body, `,"window":`...), seconds(q.Window), 10)
	body = strconv.AppendInt(append(body, `,"reset":`...), seconds(q.Reset), 10)
	if !q.Allowed {
		body = strconv.AppendInt(append(body, `,"retry_after":`...), max(1, seconds(q.RetryAfter)), 10)
	}
	return append(body, '}')
}

// seconds rounds up: who waits as long as told must not be early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
