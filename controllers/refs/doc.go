// SPDX-License-Identifier: Apache-2.0

// Package refs says what the object behind a Gslb means: which hosts it names,
// which Services stand behind each, and where clients arrive. It is pure: callers
// find the objects (a [Key] says which), and hand them in. One table lists the kinds
// that can be referred to; each kind has a file of its own. The callers are
// controllers/translate, and the watchers that index objects by key. It decides
// nothing about health, zones or policy.
package refs
