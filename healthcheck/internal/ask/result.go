// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Result says in one word how a question ended; it serves as a metric label.
type Result string

// The results.
const (
	OK          Result = "ok"          // as far as the question goes; HTTP has a status
	Refused     Result = "refused"     // the connection was refused
	Closed      Result = "closed"      // the connection was reset or closed without an answer
	BadTLS      Result = "tls"         // the handshake failed, or the certificate is not good
	Garbled     Result = "garbled"     // what came back is not HTTP
	Timeout     Result = "timeout"     // nothing came back in time
	Unreachable Result = "unreachable" // the network says that there is no way
	Local       Result = "local"       // we could not ask: out of files, ports or memory, forbidden, stopping
)

// Results lists all results, for metrics that start at zero.
func Results() []Result {
	return []Result{OK, Refused, Closed, BadTLS, Garbled, Timeout, Unreachable, Local}
}

// Replied reports that something came back from the other side, be it a refusal.
func (r Result) Replied() bool {
	switch r {
	case OK, Refused, Closed, BadTLS, Garbled:
		return true
	case Timeout, Unreachable, Local:
	}
	return false
}

// causes are errors with a result of their own.
var causes = []struct {
	err    error
	result Result
	word   string
}{
	{syscall.ECONNREFUSED, Refused, "refused"},
	{syscall.ECONNRESET, Closed, "reset by the other side"},
	{syscall.EPIPE, Closed, "closed by the other side"},
	{io.EOF, Closed, "closed without an answer"},
	{io.ErrUnexpectedEOF, Closed, "closed without an answer"},
	{syscall.EHOSTUNREACH, Unreachable, "no route to host"},
	{syscall.ENETUNREACH, Unreachable, "network is unreachable"},
	{syscall.EMFILE, Local, "too many open files"},
	{syscall.ENFILE, Local, "too many open files in the system"},
	{syscall.EADDRNOTAVAIL, Local, "no local address or port is left"},
	{syscall.ENOBUFS, Local, "no buffer space"},
	{syscall.ENOMEM, Local, "out of memory"},
	{syscall.EPERM, Local, "not permitted on this side"},
	{syscall.EACCES, Local, "not permitted on this side"},
	{syscall.EAFNOSUPPORT, Local, "address family is not supported here"},
	{errHeader, Garbled, errHeader.Error()},
	{errInterim, Garbled, errInterim.Error()},
}

// failed turns an error into an answer. The detail holds nothing that varies
// from try to try (ports, times), so that equal failures read the same.
func failed(ctx context.Context, phase string, err error) Answer {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Answer{Result: Local, Detail: phase + ": stopped"}
	}
	var slow net.Error
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &slow) && slow.Timeout() {
		return Answer{Result: Timeout, Detail: phase + ": no answer in time"}
	}
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return Answer{Result: c.result, Detail: phase + ": " + c.word}
		}
	}
	switch phase {
	case "tls":
		return Answer{Result: BadTLS, Detail: "tls: " + tlsCause(err)}
	case "answer":
		return Answer{Result: Garbled, Detail: "answer: not HTTP"}
	}
	return Answer{Result: Unreachable, Detail: phase + ": failed"}
}

func tlsCause(err error) string {
	var (
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		alert   tls.AlertError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &host):
		return "the certificate is not for " + host.Host
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.As(err, &record):
		return "the other side does not speak TLS"
	}
	return "the handshake failed"
}
