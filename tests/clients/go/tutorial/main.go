// A program that sets a key of a cluster and gets it: go run ./tutorial [-steadily] HOST:PORT...
//
// With -steadily it goes on with keys of its own until its standard input ends, gets each at once and them all in the end,
// and tells how many there were, how often it had to try again, and how many were not, and are not, what they should be.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

const writers = 4

// Until it is done, or has been refused for too long.
func insist(refused *int64, do func() error) {
	deadline := time.Now().Add(60 * time.Second)
	for err := do(); err != nil; err = do() {
		atomic.AddInt64(refused, 1)
		if time.Now().After(deadline) {
			panic(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func get(rdb *redis.ClusterClient, refused *int64, key string) (value string) {
	insist(refused, func() (err error) {
		if value, err = rdb.Get(ctx, key).Result(); err == redis.Nil {
			return nil
		}
		return err
	})
	return value
}

func steadily(rdb *redis.ClusterClient) {
	var over int32
	var refused int64
	var written, misread [writers]int
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		atomic.StoreInt32(&over, 1)
	}()
	var wait sync.WaitGroup
	for writer := 0; writer < writers; writer++ {
		wait.Add(1)
		go func(writer int) {
			defer wait.Done()
			for atomic.LoadInt32(&over) == 0 {
				key := fmt.Sprintf("go:%d:%d:%d", os.Getpid(), writer, written[writer])
				insist(&refused, func() error { return rdb.Set(ctx, key, key, 0).Err() })
				written[writer]++
				if get(rdb, &refused, key) != key {
					misread[writer]++
				}
				time.Sleep(10 * time.Millisecond)
			}
		}(writer)
	}
	wait.Wait()
	total, unread, lost := 0, 0, 0
	for writer, count := range written {
		for n := 0; n < count; n++ {
			if key := fmt.Sprintf("go:%d:%d:%d", os.Getpid(), writer, n); get(rdb, &refused, key) != key {
				lost++
			}
		}
		total += count
		unread += misread[writer]
	}
	fmt.Printf("written %d, refused %d, misread %d, lost %d\n", total, refused, unread, lost)
}

func main() {
	goesOn := flag.Bool("steadily", false, "write until standard input ends")
	flag.Parse()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: flag.Args()})
	defer rdb.Close()
	if *goesOn {
		steadily(rdb)
		return
	}
	err := rdb.Set(ctx, "foo", "bar", 0).Err()
	if err != nil {
		panic(err)
	}
	res, err := rdb.Get(ctx, "foo").Result()
	if err != nil {
		panic(err)
	}
	fmt.Println(res)
}
