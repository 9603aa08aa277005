// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"net/http"
	"strconv"
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
	h.reach.metrics.requests.WithLabelValues(methodOf(r), classOf(resp, err)).Inc()
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		h.reach.suspect(err, asked)
	case troubled(resp.StatusCode):
		h.reach.suspect(errors.New("the API server says "+resp.Status), asked)
	}
	return resp, err
}

// methodOf gives the method of a request, one of a closed list.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Method
	}
	return "other"
}

func classOf(resp *http.Response, err error) string {
	if err != nil || resp == nil {
		return "none"
	}
	return strconv.Itoa(resp.StatusCode/100) + "xx"
}

// troubled reports that a status is no proper answer.
func troubled(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}
