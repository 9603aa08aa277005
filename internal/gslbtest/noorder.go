// SPDX-License-Identifier: Apache-2.0

//go:build !orders

package gslbtest

// ordered says whether an order of goroutines can be asked for.
const ordered = false

func setOrder(uint64) {}
