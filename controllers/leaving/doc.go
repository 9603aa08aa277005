// SPDX-License-Identifier: Apache-2.0

// Package leaving says how long addresses stay that an object does not have any more: make
// before break. [Memory] keeps those of an object whose status went empty, [Drains] keeps
// those that another address, or a name that is not resolved yet, took the place of. It does
// not say whether an old address is answered: that is for the Store, by what probes find.
// Package controllers calls it for objects of an API server, controllers/files for those of
// a folder.
package leaving
