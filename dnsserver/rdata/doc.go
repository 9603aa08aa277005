// SPDX-License-Identifier: Apache-2.0

// Package rdata reads the data of static records: from the text of zone files
// to one canonical text, and to wire form.
//
// It says what is wrong with bad data and what would be right. It knows types
// and formats, not zones: whether a record may stand at a name is decided in
// gslb. Whoever takes records in (objects, files, updates, reports) calls
// [Canonical]; the table and transfers call [Pack].
package rdata
