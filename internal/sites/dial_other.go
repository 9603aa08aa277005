// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sites

import (
	"context"
	"net"
)

// Dial is for Linux only.
func (s *Set) Dial(context.Context, string, string, string) (net.Conn, error) {
	return nil, Missing()
}
