// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type answer struct {
	status int
	err    error
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Body: http.NoBody}, nil
}

func TestHearing(t *testing.T) {
	for _, c := range []struct {
		answer answer
		closes bool
		why    string
	}{
		{answer{status: 200}, false, "an answer"},
		{answer{status: 403}, false, "a refusal is an answer"},
		{answer{status: 404}, false, "so is this"},
		{answer{status: 429}, true, "too busy to answer"},
		{answer{status: 503}, true, "not up yet"},
		{answer{err: io.EOF}, true, "the connection broke"},
		{answer{err: context.DeadlineExceeded}, true, "no answer in time"},
		{answer{err: context.Canceled}, false, "we gave up ourselves"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := startReach(t)
			w.api.set(io.EOF, false)
			h := hearing{next: c.answer, reach: w.reach}
			resp, err := h.RoundTrip(httptest.NewRequest(http.MethodGet, "/api", nil))
			assert.Equal(t, c.answer.err, err)
			if err == nil {
				assert.NoError(t, resp.Body.Close())
			}
			time.Sleep(time.Second)
			synctest.Wait()
			assert.Equal(t, c.closes, w.closed(), c.why)
		})
	}
}
