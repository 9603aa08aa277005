// SPDX-License-Identifier: Apache-2.0

// Package refs says what the objects behind a Gslb mean: which hosts they name, what
// stands behind each, and where clients arrive. It is pure: a [Key] says which objects
// are needed, callers find them and hand them in as [Found], and [Lookup] remembers what
// was asked, so that more can be found and asked again until nothing new is needed
// ([Gather]). One table lists the kinds; each family of kinds has a file of its own. The
// callers are controllers/translate, and the watchers that index objects by key. It
// decides nothing about zones or policy.
package refs
