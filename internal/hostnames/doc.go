// SPDX-License-Identifier: Apache-2.0

// Package hostnames knows the addresses of load balancers that are named by host
// name, as cloud providers give them: it asks the resolvers of the machine, asks
// again as the TTLs say, and keeps the last good addresses for as long as a name
// cannot be resolved. It does not know who needs a name nor what is made of the
// addresses; controllers tell it the names and are told of changes.
package hostnames
