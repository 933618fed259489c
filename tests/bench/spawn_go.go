// SPDX-License-Identifier: MIT

// spawn, Go: goroutines that return at once, awaited by a WaitGroup. Argument: how many are begun before
// they are awaited. GOMAXPROCS in the environment says on how many threads. It speaks as contest.h says.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func round(count, batch int) {
	var group sync.WaitGroup
	for i := 0; i < count; i += batch {
		group.Add(batch)
		for j := 0; j < batch; j++ {
			go func() { group.Done() }()
		}
		group.Wait()
	}
}

func main() {
	batch, err := strconv.Atoi(os.Args[1])
	if err != nil || batch < 1 {
		fmt.Fprintln(os.Stderr, "spawn_go: argument 1 is to be a number of at least 1")
		os.Exit(2)
	}
	var count int
	for {
		if _, err := fmt.Scan(&count); err != nil {
			return
		}
		begun := time.Now()
		round(count, batch)
		fmt.Println(time.Since(begun).Nanoseconds())
	}
}
