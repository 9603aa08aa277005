// SPDX-License-Identifier: Apache-2.0

//go:build !linux

// Package netns is for Linux only.
package netns
