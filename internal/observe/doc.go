// SPDX-License-Identifier: Apache-2.0

// Package observe tells people of Worlds: numbers for Prometheus and lines for
// the log. It reads Worlds and decisions, and changes nothing. cmd makes its parts
// and runs them; the model itself knows no metrics library.
//
//	*World ─┬─ [World]        gauges of the present World, read when Prometheus asks
//	        ├─ [Convergence]  how long inputs waited for the table that holds them
//	        └─ [Changes]      answers and clusters that changed: log lines, counters
package observe
