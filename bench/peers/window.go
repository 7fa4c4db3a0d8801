// What both load generators share: C goroutines that ask, are answered and ask again, and a window
// in which answers are counted. Latencies are kept one by one: seconds, not hours.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

func percentile(sorted []int64, share float64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	index := int(share*float64(len(sorted))+0.999999) - 1
	if index < 0 {
		index = 0
	}
	return sorted[index]
}

func closedLoop(clients int, warmup, seconds float64, ask func(client int, n uint64) error) {
	var counting, stopping, errors int64
	var firstError atomic.Value
	latencies := make([][]int64, clients)
	var wait sync.WaitGroup
	for client := 0; client < clients; client++ {
		wait.Add(1)
		go func(client int) {
			defer wait.Done()
			for n := uint64(0); atomic.LoadInt64(&stopping) == 0; n++ {
				begin := time.Now()
				if err := ask(client, n); err != nil {
					firstError.CompareAndSwap(nil, err.Error())
					if atomic.AddInt64(&errors, 1) > 10000 {
						return
					}
				} else if atomic.LoadInt64(&counting) == 1 {
					latencies[client] = append(latencies[client], time.Since(begin).Microseconds())
				}
			}
		}(client)
	}
	pause := func(seconds float64) { time.Sleep(time.Duration(seconds * float64(time.Second))) }
	pause(warmup)
	begin := time.Now()
	atomic.StoreInt64(&counting, 1)
	fmt.Println("begin")
	pause(seconds)
	atomic.StoreInt64(&counting, 0)
	took := time.Since(begin).Seconds()
	fmt.Println("end")
	atomic.StoreInt64(&stopping, 1)
	wait.Wait()
	var all []int64
	for _, some := range latencies {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	said, _ := json.Marshal(map[string]interface{}{
		"operations": len(all), "seconds": took, "errors": errors,
		"first_error": firstError.Load(),
		"latency_us": map[string]int64{"p50": percentile(all, 0.5), "p90": percentile(all, 0.9),
			"p99": percentile(all, 0.99), "p999": percentile(all, 0.999),
			"max": percentile(all, 1)},
	})
	fmt.Println(string(said))
	os.Exit(0)
}
