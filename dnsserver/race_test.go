// SPDX-License-Identifier: Apache-2.0

//go:build race

package dnsserver_test

// raceDetector says that everything is ten times slower.
const raceDetector = true
