// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Commands of a supervisor.
const (
	CommandUp     = "up" // waits for the start, then starts sites that are off
	CommandDown   = "down"
	CommandStop   = "stop"
	CommandStart  = "start"
	CommandFreeze = "freeze"
	CommandThaw   = "thaw"
	CommandCut    = "cut"
	CommandHeal   = "heal"
	CommandStatus = "status"
)

// A Request is one line of JSON to the supervisor.
type Request struct {
	Command  string   `json:"command"`
	Clusters []string `json:"clusters,omitempty"`
	Config   *Config  `json:"config,omitempty"` // of up: what the set should be
}

// A Reply is one line of JSON from the supervisor: any number with a Line, and a
// last one that is Done.
type Reply struct {
	Line   string  `json:"line,omitempty"` // progress, for a person
	Done   bool    `json:"done,omitempty"`
	Error  string  `json:"error,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// ErrDown says that no supervisor answers for a folder.
var ErrDown = errors.New("no sites are up here")

// Call sends one request to the folder's supervisor and passes its progress (nil:
// nowhere) on. The error is ErrDown if there is no supervisor.
func Call(ctx context.Context, layout Layout, request Request, progress io.Writer) (*Status, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", layout.Socket())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%s: %w", layout.Dir, ErrDown)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // the reply has been read, or is not wanted
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return nil, err
	}
	for replies := json.NewDecoder(conn); ; {
		var reply Reply
		if err := replies.Decode(&reply); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fmt.Errorf("the supervisor has gone while it was asked to %s; see %s: %w", request.Command, layout.Log(), err)
		}
		if reply.Line != "" && progress != nil {
			fmt.Fprintln(progress, reply.Line)
		}
		if reply.Done {
			if reply.Error != "" {
				return reply.Status, errors.New(reply.Error)
			}
			return reply.Status, nil
		}
	}
}
