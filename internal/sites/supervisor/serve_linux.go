// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// listen takes the set's socket.
func (s *Supervisor) listen() (net.Listener, error) {
	l, err := net.Listen("unix", s.layout.Socket())
	if err != nil {
		return nil, fmt.Errorf("the socket of the supervisor: %w", err)
	}
	return l, nil
}

// serve answers clients until the listener is closed and all have gone.
func (s *Supervisor) serve(l net.Listener) {
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed; a Unix socket has no other errors that last
		}
		clients.Go(func() {
			defer func() { _ = conn.Close() }() // nothing follows from it
			if fromRoot(conn) {
				s.client(conn)
			}
		})
	}
}

// fromRoot says whether root is at the other end: an abstract socket has no
// permissions of its own.
func fromRoot(conn net.Conn) bool {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	root := false
	err = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		root = err == nil && peer.Uid == 0
	})
	return err == nil && root
}

// client answers one request.
func (s *Supervisor) client(conn net.Conn) {
	var request sites.Request
	if err := json.NewDecoder(conn).Decode(&request); err != nil {
		return // it has gone, or is no client of ours
	}
	encoder := json.NewEncoder(conn)
	done := make(chan error, 1)
	s.mu.Lock()
	said := len(s.lines)
	s.mu.Unlock()
	select {
	case <-s.started:
	default:
		said = 0 // whoever waits for the start reads how it began
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { done <- s.do(ctx, request) }()
	for {
		s.mu.Lock()
		lines, news := s.lines[said:], s.news
		s.mu.Unlock()
		for _, line := range lines {
			said++
			if request.Command != sites.CommandStatus && encoder.Encode(sites.Reply{Line: line}) != nil {
				return // the client has gone; what it asked for goes on
			}
		}
		select {
		case <-news:
		case err := <-done:
			reply := sites.Reply{Done: true}
			if err != nil {
				reply.Error = err.Error()
			} else if request.Command != sites.CommandDown {
				status := s.status()
				reply.Status = &status
			}
			_ = encoder.Encode(reply) // the client may have gone
			return
		}
	}
}

func (s *Supervisor) do(ctx context.Context, request sites.Request) error {
	switch request.Command {
	case sites.CommandStatus:
		return nil
	case sites.CommandDown:
		s.down()
		<-s.gone
		return s.goneErr
	}
	if request.Command == sites.CommandUp && request.Config != nil {
		if err := s.config.Same(*request.Config); err != nil {
			return fmt.Errorf("%s has sites already, and %w: take them down first", s.layout.Dir, err)
		}
	}
	<-s.started
	if s.startErr != nil {
		<-s.gone
		return errors.Join(s.startErr, s.goneErr)
	}
	for _, name := range request.Clusters {
		if s.sites[name] == nil {
			return fmt.Errorf("there is no cluster %q (have %v)", name, s.config.Clusters)
		}
	}
	return s.change(ctx, request)
}

func (s *Supervisor) change(ctx context.Context, request sites.Request) error {
	names := request.Clusters
	if request.Command == sites.CommandUp {
		names = s.config.Clusters
	}
	if len(names) == 0 && request.Command != sites.CommandHeal {
		return errors.New("no cluster is named")
	}
	background := context.WithoutCancel(ctx) // a client that goes away stops nothing half-way
	simple := func(do func(*site) error) error {
		return s.each(background, names, func(one *site, _ context.Context) error { return do(one) })
	}
	switch request.Command {
	case sites.CommandUp, sites.CommandStart:
		return s.each(background, names, (*site).start)
	case sites.CommandStop:
		return simple((*site).stop)
	case sites.CommandFreeze:
		return simple((*site).freeze)
	case sites.CommandThaw:
		return simple((*site).thaw)
	case sites.CommandCut, sites.CommandHeal:
		return s.links(request.Command, names)
	}
	return fmt.Errorf("unknown command %q", request.Command)
}

// links cuts or heals: between two sites, or with one between it and all others.
func (s *Supervisor) links(command string, names []string) error {
	names = append(slices.Clone(names), "", "", "")
	if names[2] != "" || names[0] != "" && names[0] == names[1] {
		return fmt.Errorf("%s: want one cluster, or two", command)
	}
	link := func(name string) string { return s.sites[name].Link() }
	cut := sites.Cut{A: names[0], B: names[1]}
	if command == sites.CommandCut {
		return s.network.cut(cut, link)
	}
	return s.network.heal(cut, link)
}

func (s *Supervisor) status() sites.Status {
	s.mu.Lock()
	network, forwards, programs := s.network, s.forwards, s.programs
	s.mu.Unlock()
	status := sites.Status{Process: unix.Getpid(), Config: s.config, Programs: programs}
	for _, name := range s.config.Clusters {
		one := s.sites[name].status()
		if forwards != nil {
			one.API = forwards.apis[name]
		}
		status.Sites = append(status.Sites, one)
	}
	if network != nil {
		status.Cuts = network.list()
	}
	return status
}
