// Puts into etcd, in a closed loop: C connections, one put outstanding in each. etcd's own
// `benchmark put` does the same and is not in Debian. Says on standard output when its window
// begins and ends, then what it counted, as JSON.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.uber.org/zap"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "etcd-load:", err)
	os.Exit(1)
}

func main() {
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "the nodes, the leader first")
	clients := flag.Int("clients", 1, "connections")
	size := flag.Int("size", 100, "bytes of text")
	warmup := flag.Float64("warmup", 1, "seconds")
	seconds := flag.Float64("seconds", 5, "seconds of the window")
	flag.Parse()

	connections := make([]*clientv3.Client, *clients)
	for i := range connections {
		config := zap.NewProductionConfig()
		config.OutputPaths = nil
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   strings.Split(*endpoints, ","),
			DialTimeout: 10 * time.Second,
			LogConfig:   &config,
		})
		if err != nil {
			fail(err)
		}
		connections[i] = client
	}
	text := strings.Repeat("x", *size)
	put := func(client int, n uint64) error {
		// The row of insert1: a key of 8 bytes, a time, a random number, a text.
		key := make([]byte, 8)
		binary.BigEndian.PutUint64(key, uint64(client)<<40|n)
		value := make([]byte, 16, 16+len(text))
		binary.BigEndian.PutUint64(value, uint64(time.Now().UnixNano()))
		binary.BigEndian.PutUint64(value[8:], rand.Uint64())
		_, err := connections[client].Put(context.Background(), string(key),
			string(append(value, text...)))
		return err
	}
	closedLoop(*clients, *warmup, *seconds, put)
}
