// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// hearing is a transport that tells reach of every question that got no proper answer.
// Clients retry by themselves, for seconds, before they tell; this hears the first time.
type hearing struct {
	next  http.RoundTripper
	reach *reach
}

// WrappedRoundTripper is how client-go finds the transport below.
func (h hearing) WrappedRoundTripper() http.RoundTripper { return h.next }

// RoundTrip asks, and listens.
func (h hearing) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := time.Now()
	resp, err := h.next.RoundTrip(r)
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		h.reach.suspect(err, asked)
	case troubled(resp.StatusCode):
		h.reach.suspect(errors.New("the API server says "+resp.Status), asked)
	}
	return resp, err
}

// troubled reports that a status is no proper answer.
func troubled(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}
