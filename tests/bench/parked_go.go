// SPDX-License-Identifier: MIT

// parked, Go: goroutines that all wait for a channel, each with 9 frames: two of the runtime's, six here and
// the one that ends every goroutine. Argument: how many. Says "ready" when all wait.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

var arrived int64
var season = make(chan int)

//go:noinline
func walk(left int) int {
	if left > 0 {
		return walk(left-1) + 1
	}
	atomic.AddInt64(&arrived, 1)
	return <-season
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil || count < 1 {
		fmt.Fprintln(os.Stderr, "parked_go: argument 1 is to be a number of at least 1")
		os.Exit(2)
	}
	for i := 0; i < count; i++ {
		go walk(4)
	}
	for atomic.LoadInt64(&arrived) < int64(count) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
