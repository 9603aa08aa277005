// SPDX-License-Identifier: Apache-2.0

//go:build race

package gslbtest_test

const raceDetector = true
