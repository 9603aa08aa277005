// SPDX-License-Identifier: Apache-2.0

//go:build orders

package gslbtest

import _ "unsafe" // of the linkname

// ordered says whether an order of goroutines can be asked for: the program was
// built with the overlay of ./orders.
const ordered = true

// storyOrder is what the runtime of the overlay draws by.
//
//go:linkname storyOrder runtime.storyOrder
var storyOrder uint64

func setOrder(n uint64) { storyOrder = n }
