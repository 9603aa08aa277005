// SPDX-License-Identifier: Apache-2.0

package edge

import "time"

// box holds one value for one reader; a newer one replaces an unread one.
type box[T any] chan T

func newBox[T any]() box[T] { return make(box[T], 1) }

func (b box[T]) put(v T) {
	for {
		select {
		case b <- v:
			return
		default:
		}
		select {
		case <-b:
		default:
		}
	}
}

// backoff gives growing pauses between attempts that fail.
type backoff struct{ pause time.Duration }

func (b *backoff) next(most time.Duration) time.Duration {
	b.pause = min(max(2*b.pause, time.Second), most)
	return b.pause
}

func (b *backoff) reset() { b.pause = 0 }
