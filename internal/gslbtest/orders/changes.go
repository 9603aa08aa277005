// SPDX-License-Identifier: Apache-2.0

package main

// edit replaces text of Go's own sources.
type edit struct{ old, new string }

// draws is added to the runtime: numbers of the story, mixed of its number, the
// virtual time, and how many were drawn at that time. Maps, also those that are made once
// and for all, take one number for each moment: what else was read before does not matter.
const draws = `
// storyOrder is set by the story that is told; 0: none is.
//
//go:linkname storyOrder
var storyOrder uint64

var (
	storyAt int64
	storyN  [2]uint64
)

//go:nosplit
func storyRand(b *synctestBubble, what uint64) uint64 {
	if b.now != storyAt {
		storyAt, storyN[0], storyN[1] = b.now, 0, 0
	}
	storyN[what]++
	return storyMix(b, storyN[what]<<1|what)
}

//go:nosplit
func storyMix(b *synctestBubble, n uint64) uint64 {
	x := storyOrder ^ uint64(b.now)*0x9e3779b97f4a7c15 ^ n*0xd1342543de82ef95
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// storyDraw is for math/rand/v2.
//
//go:linkname storyDraw
func storyDraw() uint64 {
	if b := getg().bubble; b != nil && storyOrder != 0 {
		return storyRand(b, 1)
	}
	return rand()
}

//go:nosplit
func storyCheap() uint32 {
	if b := getg().bubble; b != nil && storyOrder != 0 {
		return uint32(storyRand(b, 0) >> 32)
	}
	return cheaprand()
}
`

// changes are what the overlay changes, by file below GOROOT/src.
func changes() map[string][]edit {
	return map[string][]edit{
		"runtime/rand.go": {
			{"// rand32 is uint32(rand()), called from compiler-generated code.", draws[1:] + "\n// rand32 is uint32(rand()), called from compiler-generated code."},
			{"\tmp := getg().m\n\tc := &mp.chacha8\n", "\tif b := getg().bubble; b != nil && storyOrder != 0 {\n\t\treturn storyMix(b, 0)\n\t}\n\tmp := getg().m\n\tc := &mp.chacha8\n"},
			// The hashes of maps are the same in every run.
			{"\tglobalRand.state.Init(*seed)\n", "\t*seed = [32]byte{1}\n\tglobalRand.state.Init(*seed)\n"},
		},
		"math/rand/v2/rand.go": {
			{"//go:linkname runtime_rand runtime.rand\n", "//go:linkname runtime_rand runtime.storyDraw\n"},
		},
		"runtime/select.go": {
			{"\t\tj := cheaprandn(uint32(norder + 1))\n", "\t\tj := uint32((uint64(storyCheap()) * uint64(norder+1)) >> 32)\n"},
		},
		"runtime/time.go": { // timers of the same moment; those of a select are added by address
			{"\trand    uint32 // ", "\tstory   uint32\n\trand    uint32 // "},
			{"\tt := new(timeTimer)\n", "\tt := new(timeTimer)\n\tt.story = storyCheap()\n"},
			{"\t\t\tt.rand = cheaprand()\n", "\t\t\tif b := getg().bubble; b == nil || storyOrder == 0 || t.story == 0 {\n\t\t\t\tt.rand = storyCheap()\n\t\t\t} else {\n\t\t\t\tt.rand = uint32(storyMix(b, uint64(t.story)<<2))\n\t\t\t}\n"},
		},
		"runtime/sema.go": {
			{"\ts.ticket = cheaprand() | 1\n", "\ts.ticket = storyCheap() | 1\n"},
		},
		"runtime/proc.go": {
			{"const forcePreemptNS = 10 * 1000 * 1000 // 10ms\n", "const forcePreemptNS = 1 << 60 // never\n"},
			{"\tif pp.schedtick%61 == 0 && !sched.runq.empty() {\n", "\tif storyOrder == 0 && pp.schedtick%61 == 0 && !sched.runq.empty() {\n"},
			{"\tif randomizeScheduler && next && randn(2) == 0 {\n", "\tif next && storyOrder != 0 && (gp.bubble == nil || storyRand(gp.bubble, 0)&1 == 0) {\n\t\tnext = false\n\t}\n\tif randomizeScheduler && next && randn(2) == 0 {\n"},
		},
		"context/context.go": { // children are cancelled in the order in which they came
			{"\t\"errors\"\n", "\t\"errors\"\n\t\"slices\"\n"},
			{"\tcancel(removeFromParent bool, err, cause error)\n", "\tcancel(removeFromParent bool, err, cause error)\n\tnumber() uint64\n"},
			{"type cancelCtx struct {\n", "var numbers atomic.Uint64\n\nfunc (c *cancelCtx) number() uint64 { return c.n }\n\ntype cancelCtx struct {\n\tn uint64\n"},
			{"\tc.Context = parent\n", "\tc.Context = parent\n\tc.n = numbers.Add(1)\n"},
			{"\tfor child := range c.children {\n", "\tvar all []canceler\n\tfor child := range c.children {\n\t\tall = append(all, child)\n\t}\n\tslices.SortFunc(all, func(a, b canceler) int { return int(a.number()) - int(b.number()) })\n\tfor _, child := range all {\n"},
		},
		"internal/sync/mutex.go": { // by real time
			{"\tstarvationThresholdNs = 1e6\n", "\tstarvationThresholdNs = 1e18\n"},
		},
	}
}
