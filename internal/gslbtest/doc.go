// SPDX-License-Identifier: Apache-2.0

// Package gslbtest runs stories: several clusters, an edge zone and the links
// between them in one process, on virtual time.
//
// Every cluster is a real [gslb.Store]; answers come from the real strategies.
// What lies between is modelled here: links that carry reports and keep-alives,
// an edge zone that holds heartbeats, and entries that do or do not answer. A
// story is a text file; [Run] must be called inside a testing/synctest bubble.
//
// One command a line, "#" begins a comment:
//
//	edge none                         no edge zone (before the first cluster)
//	entrycheck off                    nobody asks entries (before the first cluster)
//	cluster eu us                     start clusters
//	offer eu HOST STRATEGY [k=v…] ADDR…   an object of eu; keys: primary, order, weights (eu:1,us:3),
//	                                  unhealthy, fallback, ttl, check (on: a probe decides too)
//	withdraw eu HOST                  the object is deleted
//	down eu ADDR… | up eu ADDR…       readiness of entries
//	probe eu ADDR up|down             what the probe says
//	override eu HOST drain|force|none
//	cut eu us | heal eu us            the link, both ways; "cut eu > us": one way; us may be "edge"
//	kill eu | start eu                the process ends, its entries no longer answer; starts empty
//	freeze eu                         the process stops, its entries go on answering
//	announce eu pause|leave
//	advance 4s
//	ask eu HOST = ADDR… [because REASON]  exactly these can be answered; "= nodata", "= nothing" (no such host)
//	within 5s ask …                   becomes so in time, and says after how long
//	steady 30s eu HOST                the answer does not change for so long
//	state eu us = LIVENESS [WITNESS]  what eu thinks of us
package gslbtest
