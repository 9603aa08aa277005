// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/meridian-gslb/meridian/internal/sites"
)

const pollEvery = 50 * time.Millisecond

// proxyHealth is where kube-proxy says that it has written its rules.
const proxyHealth = 10256

// awaitNode waits until the site's node has said, after that moment, that it is
// Ready, and its kube-proxy too. It gives up when ctx ends.
func awaitNode(ctx context.Context, site sites.Site, dial dialer, since time.Time) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := nodeReady(ctx, site, dial, since)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func nodeReady(ctx context.Context, site sites.Site, dial dialer, since time.Time) error {
	client, err := apiClient(site, dial)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("there is no API server yet")
	}
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	body, err := get(ctx, client, fmt.Sprintf("https://%s/api/v1/nodes/%s", site.API(), site.NodeName))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &node); err != nil {
		return err
	}
	reason := "its node has not said that it is Ready"
	for _, c := range node.Status.Conditions {
		if c.Type != "Ready" {
			continue
		}
		if c.Status == "True" && !c.LastHeartbeatTime.Before(since.Truncate(time.Second)) {
			_, err := get(ctx, client, fmt.Sprintf("http://%s:%d/healthz", site.Node(), proxyHealth))
			return err
		}
		reason += ": " + c.Message
	}
	return errors.New(reason)
}

// apiClient asks a site's API server as its administrator.
func apiClient(site sites.Site, dial dialer) (*http.Client, error) {
	file := func(name string) string { return filepath.Join(site.Dir, "kplane", site.Name, name) }
	pair, err := tls.LoadX509KeyPair(file("admin.crt"), file("admin.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(file("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DialContext:     dial,
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}, nil
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return body, err
}
