// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// avoidSilent is how long a server that did not answer is asked last.
const avoidSilent = 10 * time.Second

// parseServers reads HOST:PORT,HOST:PORT.
func parseServers(s string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		server, err := parseServer(part)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, server) {
			out = append(out, server)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no edge server: give --edge-dns HOST:PORT, the primary of the edge zone")
	}
	return out, nil
}

func parseServer(s string) (string, error) {
	if ip := net.ParseIP(strings.Trim(s, "[]")); ip != nil {
		return net.JoinHostPort(ip.String(), "53"), nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil && !strings.Contains(s, ":") {
		host, port, err = s, "53", nil
	}
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || perr != nil || n == 0 {
		return "", fmt.Errorf("edge server %q: write HOST:PORT, like 192.0.2.53:53 or [2001:db8::53]:53", s)
	}
	return net.JoinHostPort(host, port), nil
}

// servers remembers which server takes updates of which edge zone, and which does not answer.
type servers struct {
	mu       sync.Mutex
	names    []string
	took     map[gslb.Name]string // the last update, by edge zone
	silentAt map[string]time.Time // when it last failed to answer
}

func newServers(names []string) *servers {
	return &servers{names: names, took: make(map[gslb.Name]string), silentAt: make(map[string]time.Time)}
}

// order gives the servers for an edge zone: the one that took its last update first, those
// that did not answer of late last.
func (s *servers) order(zone gslb.Name) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.names
	if i := slices.Index(names, s.took[zone]); i > 0 {
		names = slices.Insert(slices.Delete(slices.Clone(names), i, i+1), 0, names[i])
	}
	var good, silent []string
	for _, n := range names {
		if at, ok := s.silentAt[n]; ok && time.Since(at) < avoidSilent {
			silent = append(silent, n)
		} else {
			good = append(good, n)
		}
	}
	return append(good, silent...)
}

func (s *servers) answered(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.silentAt, name)
}

func (s *servers) silent(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silentAt[name] = time.Now()
}

// takes notes that a server took an update of an edge zone: it is preferred for that one
// from now on.
func (s *servers) takes(zone gslb.Name, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[zone] = name
}

// try runs f with one server after the other until one gives a final result.
// What a server that answered says is worth more than silence of another.
func (s *servers) try(ctx context.Context, log *slog.Logger, zone gslb.Name, only string, f func(context.Context, string) error) error {
	order := s.order(zone)
	if only != "" {
		order = []string{only}
	}
	var first error
	for _, server := range order {
		err := f(ctx, server)
		if err == nil || errors.Is(err, edge.ErrRaced) {
			s.answered(server)
			return err
		}
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return ctx.Err()
		}
		e, ok := errors.AsType[*edge.Error](err)
		if ok && e.RCODE != "" {
			s.answered(server)
		} else {
			s.silent(server)
		}
		if prev, isErr := errors.AsType[*edge.Error](first); first == nil || isErr && prev.RCODE == "" && ok && e.RCODE != "" {
			first = err
		}
		log.Debug("edge server gives no usable answer", "server", server, "zone", zone, "error", err)
		if ctx.Err() != nil {
			break
		}
	}
	return first
}
