// SPDX-License-Identifier: Apache-2.0

// Package gslbtest runs stories: several clusters, an edge zone and the roads
// between them in one process, on virtual time; and makes stories from seeds.
//
// Every process of a story is the real one but for sockets and the API: the store,
// the exchange, the keeper of the edge, the entry checker and the table of answers,
// wired as cmd wires them. What lies between is modelled here: roads that carry
// messages, an edge zone with RFC 2136's prerequisites, an API that tells of
// objects, and entries that do or do not answer. A story is a text file; [Tell] must
// be called inside a testing/synctest bubble. [Generate] makes the story of a seed.
// See docs/simulator.md.
//
// One command a line, "#" begins a comment. P is a cluster, or TAG/N: one of its
// processes. Before the first cluster:
//
//	seed N                            of delays and losses
//	edge rfc2136|externaldns|none     default rfc2136
//	entrycheck off                    nobody asks entries
//	anchor on                         there is an anchor outside
//	instances eu 2                    processes of a cluster, behind one address
//	replicas off                      they do not tell each other anything
//
// Then, and at any time:
//
//	cluster eu us                     start clusters
//	offer eu HOST STRATEGY [k=v…] ADDR…   an object of eu; keys: primary, order, weights (eu:1,us:3),
//	                                  unhealthy, fallback, ttl, check (on: a probe decides too)
//	withdraw eu HOST                  the object is deleted
//	down eu ADDR… | up eu ADDR…       readiness of entries
//	probe eu ADDR up|down             what the probe says
//	override eu HOST drain|force|none
//	blind eu | sighted eu             the API cannot be read, can again
//	stall P | unstall P               the watch of the API tells nothing, and nobody notices
//	cut A B | heal A B                the road, both ways; "cut A > B": packets one way; also edge, anchor, world
//	close A > B | open A > B          no connection can be opened from A to B
//	loss A B 0.1 | twice A B 0.1 | delay A B 50ms   packets sent again, questions that come twice
//	heal all                          every road is fast and safe
//	kill eu | start eu | recall eu    machines off; on, knowing nothing; on, with what was saved
//	kill eu/1 | start … | recall …    one process ends; entries go on answering
//	freeze P | thaw P                 as SIGSTOP and SIGCONT do
//	announce P pause|leave
//	vanish eu | return eu             the API lists nothing, and everything again
//	keys eu old,new | rekey eu        keys of peers, for processes that start from now on; those with others start anew
//	clock eu 100s                     the wall clock steps
//	edgezone down|up|save|restore     the server of the edge zone; an old zone comes back
//	edgezone second|stale|fresh       there is another one, which reads only; it lags behind, catches up
//	advance 4s
//	watch                             the invariants are held from here on
//	ask P HOST = ADDR… [because REASON]  exactly these can be answered; "= nodata", "= nothing" (no such host)
//	within 5s ask …                   becomes so in time, and says after how long
//	steady 30s P HOST                 the answer does not change for so long
//	state P us = LIVENESS [WITNESS]   what P thinks of us
//	agree 20s [edge]                  in time, all answer what is true (and the edge has all name servers)
package gslbtest
