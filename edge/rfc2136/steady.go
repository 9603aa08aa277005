// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"errors"
	"net"
)

// steadyError is an error in words that are the same at every attempt.
type steadyError struct {
	text string
	err  error
}

// Error implements error.
func (e *steadyError) Error() string { return e.text }

// Unwrap gives the error as it was, ports and all.
func (e *steadyError) Unwrap() error { return e.err }

// steady takes our own ports out of what an error of the network says. They differ at
// every attempt, and these words go into status: one that differs is written.
func steady(err error) error {
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		why := "the resolver fails"
		switch {
		case d.IsNotFound:
			why = "no such host"
		case d.IsTimeout:
			why = "the resolver does not answer"
		}
		return &steadyError{"looking up " + d.Name + ": " + why, err}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Source != nil {
		return &steadyError{op.Op + ": " + op.Err.Error(), err}
	}
	return err
}
