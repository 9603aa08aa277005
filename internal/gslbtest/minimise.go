// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"
	"strings"
)

// minimiseMost bounds how often a story is told again to make it shorter.
const minimiseMost = 300

// Minimise drops lines of a story for as long as it still fails, the larger parts
// first. What sets the stage stays.
func Minimise(story Story, fails func(Story) bool) Story {
	tries := 0
	for size := len(story) / 2; size > 0; size /= 2 {
		for at := 0; at < len(story); {
			end := min(at+size, len(story))
			if slices.ContainsFunc(story[at:end], staging) || tries == minimiseMost {
				at++
				continue
			}
			shorter := slices.Delete(slices.Clone(story), at, end)
			tries++
			if fails(shorter) {
				story = shorter
			} else {
				at += size
			}
		}
	}
	return story
}

// staging says whether a line sets the stage.
func staging(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	return slices.Contains([]string{"seed", "edge", "instances", "cluster", "watch"}, word)
}
