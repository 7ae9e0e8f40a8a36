// Faults that a program for go-redis makes by itself, as the tests of an application would: go run ./faulty HOST:PORT...
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

func check(holds bool, what string, got ...any) {
	if !holds {
		fmt.Println("failed:", what, got)
		os.Exit(1)
	}
}

// Sends FAULT with some words to every primary, and returns how the last of them replied.
func fault(client *redis.ClusterClient, words ...any) (reply any, err error) {
	err = client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) (err error) {
		reply, err = node.Do(ctx, append([]any{"FAULT"}, words...)...).Result()
		return err
	})
	return reply, err
}

func main() {
	// Without the library's own attempts, the application sees everything.
	plain := redis.NewClusterClient(&redis.ClusterOptions{Addrs: os.Args[1:], ReadTimeout: time.Second, MaxRedirects: -1})
	patient := redis.NewClusterClient(&redis.ClusterOptions{Addrs: os.Args[1:], ReadTimeout: time.Second})
	faults := redis.NewClusterClient(&redis.ClusterOptions{Addrs: os.Args[1:], ReadTimeout: 10 * time.Second})
	defer faults.Close()
	defer plain.Close()
	defer patient.Close()

	// What a fault does to GET, with and without further attempts, and that all is well when it is healed.
	with := func(words string, see func(error)) {
		for _, client := range []*redis.ClusterClient{plain, patient} {
			check(client.Set(ctx, "key", "value", 0).Err() == nil, "SET before "+words)
			_, err := fault(faults, anys(strings.Split(words, "/"))...)
			check(err == nil, words, err)
			value, err := client.Get(ctx, "key").Result()
			if client == plain {
				see(err)
			} else {
				check(err == nil && value == "value", "attempts after "+words, value, err)
			}
			_, err = fault(faults, "HEAL")
			check(err == nil, "HEAL", err)
		}
	}

	with("REPLY/ERROR/LOADING it is loading/COMMAND/get/TIMES/1", func(err error) {
		check(redis.HasErrorPrefix(err, "LOADING"), "LOADING", err)
	})
	with("REPLY/ERROR/CLUSTERDOWN it is down/COMMAND/get/KEY/k*/TIMES/1", func(err error) {
		check(redis.HasErrorPrefix(err, "CLUSTERDOWN"), "CLUSTERDOWN", err)
	})
	with("REPLY/CUT/COMMAND/get/TIMES/1", func(err error) {
		check(errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "half a reply", err)
	})
	with("REPLY/CLOSE/COMMAND/get/TIMES/1", func(err error) {
		check(errors.Is(err, io.EOF), "a closed connection", err)
	})
	with("REPLY/SILENCE/COMMAND/get/TIMES/1", func(err error) {
		var late net.Error
		check(errors.As(err, &late) && late.Timeout(), "no reply", err)
	})
	start := time.Now()
	with("WIRE/LATENCY/50/KIND/CLIENT", func(err error) {
		check(err == nil && time.Since(start) >= 50*time.Millisecond, "latency", err, time.Since(start))
	})

	_, err := fault(faults, "REPLY", "MOVED", "127.0.0.1:1", "COMMAND", "nosuch")
	check(err == nil, "MOVED", err)
	list, err := fault(faults, "LIST")
	check(err == nil && strings.Contains(fmt.Sprint(list), "moved"), "LIST", list, err)
	healed, err := fault(faults, "HEAL")
	check(err == nil && healed == int64(1), "HEAL", healed, err)
	_, err = fault(faults, "REPLY", "NONSENSE")
	check(redis.HasErrorPrefix(err, "syntax error"), "nonsense", err)
	fmt.Println("faults made by go-redis itself, and seen")
}

func anys(words []string) (all []any) {
	for _, word := range words {
		all = append(all, word)
	}
	return all
}
