// SPDX-License-Identifier: Apache-2.0

// Package validate gives, without a server, the verdict that an API server would
// give on a Gslb or ZoneDelegation: unknown fields, defaults, schema, list types and
// CEL rules of the embedded CustomResourceDefinitions, with the server's own texts.
// It also reads the other kinds that Meridian knows from YAML, strictly, and says in
// which line a problem is. It decides nothing that needs a second object (whether a
// host is in a zone, say); that is translate's. `meridian check` and the files
// source call it.
package validate
