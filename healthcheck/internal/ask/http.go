// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of one HTTP answer.
const (
	maxHeader  = 64 << 10 // octets of the header, interim responses included
	maxBody    = 16 << 10 // octets of the body that are read, and thrown away
	maxInterim = 5        // interim (1xx) responses that are skipped
	// drainTime is how long the body is waited for once the status is known. It
	// is read only so that most servers see their answer taken whole.
	drainTime = 100 * time.Millisecond
)

var (
	errPath    = errors.New(`the path does not begin with "/"`)
	errHeader  = fmt.Errorf("the header is longer than %d octets", maxHeader)
	errInterim = fmt.Errorf("more than %d interim responses", maxInterim)
)

// get asks with GET and gives the status. The status alone is the answer: a body
// that never ends, as of a stream of events, takes nothing from it.
func get(ctx context.Context, conn net.Conn, q Question) Answer {
	req, err := request(q)
	if err != nil {
		return Answer{Result: Local, Detail: "request: " + err.Error()}
	}
	if err := req.Write(conn); err != nil {
		return failed(ctx, "write", err)
	}
	resp, err := response(conn, req)
	if err != nil {
		return failed(ctx, "answer", err)
	}
	until := time.Now().Add(drainTime)
	if end, ok := ctx.Deadline(); !ok || until.Before(end) {
		_ = conn.SetReadDeadline(until) // where it fails, reading on does
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // the answer is known; the rest is read so that its sender is not cut off
	_ = resp.Body.Close()
	return Answer{Result: OK, Status: resp.StatusCode}
}

func request(q Question) (*http.Request, error) {
	if !strings.HasPrefix(q.Path, "/") {
		return nil, errPath
	}
	u, err := url.ParseRequestURI(q.Path)
	if err != nil {
		return nil, err
	}
	return &http.Request{
		Method: http.MethodGet, URL: u, Host: q.Host, Close: true,
		Header: http.Header{"User-Agent": {q.Agent}, "Accept": {"*/*"}},
	}, nil
}

// response reads the first response that is not interim (RFC 9110 §15.2).
func response(conn net.Conn, req *http.Request) (*http.Response, error) {
	bounded := &io.LimitedReader{R: conn, N: maxHeader}
	r := bufio.NewReader(bounded)
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			if bounded.N <= 0 {
				return nil, errHeader
			}
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, errInterim
}
