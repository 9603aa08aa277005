// SPDX-License-Identifier: Apache-2.0

//go:build !linux

// Package supervisor is for Linux only.
package supervisor
