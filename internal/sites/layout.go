// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// A Layout says where a set keeps what. Everything below Private is the set's
// own, and removed with it.
type Layout struct {
	Dir string // absolute
}

// ID tells sets on one machine apart: it is derived from the folder.
func (l Layout) ID() string {
	sum := sha256.Sum256([]byte(l.Dir))
	return hex.EncodeToString(sum[:4])
}

// Kubeconfig has a context for each cluster, for use from this machine.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Dir, "kubeconfig") }

// Bin has kubectl and the sites command.
func (l Layout) Bin() string { return filepath.Join(l.Dir, "bin") }

// Command is the sites command, which also is the supervisor.
func (l Layout) Command() string { return filepath.Join(l.Bin(), "sites") }

// Kubectl is kubectl.
func (l Layout) Kubectl() string { return filepath.Join(l.Bin(), "kubectl") }

// Private is the folder of data and logs.
func (l Layout) Private() string { return filepath.Join(l.Dir, "sites") }

// Config is the set's Config as JSON.
func (l Layout) Config() string { return filepath.Join(l.Private(), "config.json") }

// Lock is held by the supervisor, and has its process id.
func (l Layout) Lock() string { return filepath.Join(l.Private(), "supervisor.lock") }

// Log is what the supervisor says.
func (l Layout) Log() string { return filepath.Join(l.Private(), "supervisor.log") }

// Site is the folder of one site.
func (l Layout) Site(name string) string { return filepath.Join(l.Private(), name) }

// Socket is the supervisor's address. It is abstract, so that nothing is left of
// it and no path is too long.
func (l Layout) Socket() string { return "@meridian-sites-" + l.ID() }

// Cgroup is the set's cgroup in every hierarchy.
func (l Layout) Cgroup() string { return "meridian-sites-" + l.ID() }
