// Inserts into dqlite, in a closed loop: C connections to the leader, one insert outstanding in
// each. Says on standard output when its window begins and ends, then what it counted, as JSON.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"

	"github.com/canonical/go-dqlite/client"
	"github.com/canonical/go-dqlite/driver"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "dqlite-load:", err)
	os.Exit(1)
}

func busy(err error) bool {
	var said driver.Error
	return errors.As(err, &said) && said.Code&0xff == driver.ErrBusy
}

// Of the pause before a busy leader is asked again: doubled, up to a bound.
func longer(pause time.Duration) time.Duration {
	if pause < 64*time.Millisecond {
		return 2 * pause
	}
	return pause
}

func main() {
	nodes := flag.String("nodes", "127.0.0.1:9001", "addresses")
	clients := flag.Int("clients", 1, "connections")
	size := flag.Int("size", 100, "bytes of text")
	warmup := flag.Float64("warmup", 1, "seconds")
	seconds := flag.Float64("seconds", 5, "seconds of the window")
	flag.Parse()

	store := client.NewInmemNodeStore()
	var infos []client.NodeInfo
	for i, address := range strings.Split(*nodes, ",") {
		infos = append(infos, client.NodeInfo{ID: uint64(i + 1), Address: address})
	}
	if err := store.Set(context.Background(), infos); err != nil {
		fail(err)
	}
	dqlite, err := driver.New(store)
	if err != nil {
		fail(err)
	}
	sql.Register("dqlite", dqlite)
	db, err := sql.Open("dqlite", "bench")
	if err != nil {
		fail(err)
	}
	db.SetMaxOpenConns(*clients + 1)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS entries(id INTEGER PRIMARY KEY, "+
		"at_us INTEGER, dice INTEGER, text TEXT)"); err != nil {
		fail(err)
	}
	inserts := make([]*sql.Stmt, *clients)
	for i := range inserts {
		connection, err := db.Conn(ctx)
		if err != nil {
			fail(err)
		}
		inserts[i], err = connection.PrepareContext(ctx,
			"INSERT INTO entries(at_us, dice, text) VALUES(?, random(), ?)")
		if err != nil {
			fail(err)
		}
	}
	text := strings.Repeat("x", *size)
	closedLoop(*clients, *warmup, *seconds, func(client int, n uint64) error {
		for pause := time.Millisecond; ; pause = longer(pause) {
			_, err := inserts[client].ExecContext(context.Background(), time.Now().UnixMicro(),
				text)
			// One transaction at a time is its way; a program asks again, and waits for it.
			if err == nil || !busy(err) {
				return err
			}
			time.Sleep(time.Duration(rand.Int63n(int64(pause))))
		}
	})
}
