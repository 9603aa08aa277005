// SPDX-License-Identifier: Apache-2.0

package authtest

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Resolver is a running Unbound that asks the way of the Internet, from a root
// server of the test downwards.
type Resolver struct {
	Addr netip.AddrPort
	*process
}

// StartUnbound runs Unbound until the test ends. It does not validate, minimises
// names, mixes letter case, and does what more says ("name: value" lines of its
// server clause). root is the address of the root server, on port 53.
func StartUnbound(t testing.TB, root netip.Addr, more string) *Resolver {
	t.Helper()
	path, dir := Program(t, "unbound", "unbound"), t.TempDir()
	r := &Resolver{process: newProcess(t, dir)}
	hints := fmt.Sprintf(". 3600 NS root.test.\nroot.test. 3600 A %s\n", root)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hints"), []byte(hints), 0o600))
	r.up(netip.AddrPort{}, func(addr netip.AddrPort) []string {
		r.Addr = addr
		conf := fmt.Sprintf(`server:
  directory: %[1]q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  log-queries: no
  verbosity: 4
  num-threads: 1
  interface: %[2]s
  port: %[3]d
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  root-hints: hints
  module-config: iterator
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-glue: yes
  harden-referral-path: yes
  harden-below-nxdomain: yes
  minimal-responses: no
%[4]s
remote-control:
  control-enable: no
`, dir, addr.Addr(), addr.Port(), more)
		name := filepath.Join(dir, "unbound.conf")
		require.NoError(t, os.WriteFile(name, []byte(conf), 0o600))
		return []string{path, "-d", "-p", "-c", name}
	})
	return r
}

// Log gives what Unbound said so far, at verbosity 4.
func (r *Resolver) Log() string { return r.said() }
