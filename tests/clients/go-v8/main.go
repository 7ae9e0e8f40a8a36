// go-redis v8, which knows the CLUSTER SLOTS of Redis 6 only: go run . HOST:PORT..., nodes of one cluster, of which the
// first that answers is enough.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"
)

const keyCount = 1000

func fail(what string, got ...interface{}) {
	fmt.Fprintln(os.Stderr, "failed:", what, fmt.Sprint(got...))
	os.Exit(1)
}

func check(holds bool, what string, got ...interface{}) {
	if !holds {
		fail(what, got...)
	}
}

func main() {
	check(len(os.Args) > 1, "no node was named")
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: os.Args[1:]})
	defer client.Close()

	err := client.Set(ctx, "foo", "bar", 0).Err()
	check(err == nil, "SET:", err)
	text, err := client.Get(ctx, "foo").Result()
	check(err == nil && text == "bar", "GET:", text, err)

	info, err := client.Info(ctx, "server").Result()
	check(err == nil && strings.Contains(info, "redis_version:6."), "not a Redis 6:", info, err)
	slots, err := client.ClusterSlots(ctx).Result()
	check(err == nil && len(slots) >= 3, "CLUSTER SLOTS:", slots, err)
	commands, err := client.Command(ctx).Result()
	check(err == nil && commands["get"] != nil && commands["get"].FirstKeyPos == 1, "COMMAND:", err)

	pipeline := client.Pipeline()
	for number := 0; number < keyCount; number++ {
		pipeline.Set(ctx, fmt.Sprintf("v8:%d", number), number, time.Minute)
	}
	_, err = pipeline.Exec(ctx)
	check(err == nil, "pipeline:", err)
	for number := 0; number < keyCount; number++ {
		found, err := client.Get(ctx, fmt.Sprintf("v8:%d", number)).Int()
		check(err == nil && found == number, "GET after a pipeline:", found, err)
	}
	replies, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Incr(ctx, "{v8}n")
		pipe.ZAdd(ctx, "{v8}z", &redis.Z{Score: 1.1, Member: "a"})
		return nil
	})
	check(err == nil && len(replies) == 2, "MULTI:", err)
	score, err := client.ZScore(ctx, "{v8}z", "a").Result()
	check(err == nil && score == 1.1, "ZSCORE:", score, err)
	err = client.Do(ctx, "expiretime", "foo").Err()
	check(err != nil && strings.HasPrefix(err.Error(), "ERR unknown command `expiretime`"), "a command of 7.0:", err)
	err = client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return node.FlushAll(ctx).Err()
	})
	check(err == nil, "FLUSHALL:", err)
	fmt.Printf("ok go-redis v8: %d ranges of slots, %d commands\n", len(slots), len(commands))
}
