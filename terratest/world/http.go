// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// visitTime bounds one HTTP request.
const visitTime = 5 * time.Second

// Visit asks the cluster's Ingresses for a host over HTTP and gives the status and
// the message of the application ("" where the answer has none).
func (c *Cluster) Visit(ctx context.Context, host string) (status int, message string, err error) {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.HTTP+"/", nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = host
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("visiting %s in %s: %w", host, c.Name, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return 0, "", fmt.Errorf("visiting %s in %s: %w", host, c.Name, err)
	}
	var said struct{ Message string }
	if json.Unmarshal(body, &said) != nil {
		return resp.StatusCode, "", nil // an error page of the Ingress controller
	}
	return resp.StatusCode, said.Message, nil
}

// Serves is one step: the application answers for the host in each of some
// clusters, with the cluster's geo tag as its message.
func (s *Stage) Serves(host string, cs ...*Cluster) {
	s.T.Helper()
	s.Until("HTTP for "+host+" is answered by the application", Soon, func(ctx context.Context) error {
		for _, c := range cs {
			status, message, err := c.Visit(ctx, host)
			if err != nil {
				return err
			}
			if status != http.StatusOK || message != c.GeoTag {
				return fmt.Errorf("%s answers %d with message %q, want 200 with %q", c.Name, status, message, c.GeoTag)
			}
		}
		return nil
	})
}
