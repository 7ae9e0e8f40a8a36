// go-redis against one node of a cluster and one standalone server: go run . CLUSTER STANDALONE (each host:port).
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const keyCount = 1000

var ctx, cancel = context.WithTimeout(context.Background(), 60*time.Second)

func fail(what string, got ...any) {
	fmt.Fprintln(os.Stderr, "failed:", what, fmt.Sprintf("%v", got))
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("unexpected error", err)
	}
	return value
}

func check(holds bool, what string, got ...any) {
	if !holds {
		fail(what, got...)
	}
}

func checkError(err error, prefix string) {
	check(err != nil && strings.HasPrefix(err.Error(), prefix), "wanted error "+prefix, err)
}

// What both kinds of server must do.
func data(client redis.UniversalClient) {
	pipe := client.Pipeline()
	for number := range keyCount {
		pipe.Set(ctx, fmt.Sprint("key:", number), number, 0)
	}
	must(pipe.Exec(ctx))
	for number := range keyCount {
		got := must(client.Get(ctx, fmt.Sprint("key:", number)).Int())
		check(got == number, "GET", number, got)
	}
	check(client.Get(ctx, "none").Err() == redis.Nil, "missing key is Nil")

	must(client.MSet(ctx, "{tag}a", 1, "{tag}b", 2).Result())
	check(slices.Equal(must(client.MGet(ctx, "{tag}a", "{tag}b").Result()), []any{"1", "2"}), "MGET")
	checkError(client.LPush(ctx, "{tag}a", "x").Err(), "WRONGTYPE")

	must(client.HSet(ctx, "hash", "f1", "v1", "f2", 2).Result())
	check(must(client.HGetAll(ctx, "hash").Result())["f1"] == "v1", "HGETALL")
	must(client.ZAdd(ctx, "zset", redis.Z{Score: 1.5, Member: "a"}, redis.Z{Score: 2, Member: "b"}).Result())
	scores := must(client.ZRangeWithScores(ctx, "zset", 0, -1).Result())
	check(scores[0].Score == 1.5 && scores[1].Member == "b", "ZRANGE WITHSCORES", scores)

	must(client.Set(ctx, "brief", "x", 40*time.Millisecond).Result())
	check(must(client.PTTL(ctx, "brief").Result()) > 0, "PTTL")
	for deadline := time.Now().Add(5 * time.Second); client.Exists(ctx, "brief").Val() == 1; time.Sleep(5 * time.Millisecond) {
		check(time.Now().Before(deadline), "expiry")
	}

	must(client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Incr(ctx, "{tag}a")
		pipe.Incr(ctx, "{tag}b")
		return nil
	}))
	err := client.Watch(ctx, func(tx *redis.Tx) error {
		must(client.Set(ctx, "{tag}a", "meanwhile", 0).Result())
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error { pipe.Get(ctx, "{tag}b"); return nil })
		return err
	}, "{tag}a")
	check(err == redis.TxFailedErr, "WATCH", err)

	popped := make(chan []string)
	go func() { popped <- must(client.BLPop(ctx, 10*time.Second, "queue").Result()) }()
	time.Sleep(20 * time.Millisecond)
	must(client.RPush(ctx, "queue", "job").Result())
	check(slices.Equal(<-popped, []string{"queue", "job"}), "BLPOP")
}

func channels(client redis.UniversalClient) {
	for name, pubsub := range map[string]*redis.PubSub{
		"news": client.Subscribe(ctx, "news"), "pattern": client.PSubscribe(ctx, "pat*"), "shard": client.SSubscribe(ctx, "shard"),
	} {
		must(pubsub.Receive(ctx)) // the confirmation
		if name == "shard" {
			must(client.SPublish(ctx, name, "hello").Result())
		} else {
			must(client.Publish(ctx, name, "hello").Result())
		}
		message := must(pubsub.ReceiveMessage(ctx))
		check(message.Channel == name && message.Payload == "hello", "message", message)
		pubsub.Close()
	}
}

func cluster(address string, protocol int) {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{address}, Protocol: protocol})
	defer client.Close()
	data(client)
	channels(client)
	checkError(client.MSet(ctx, "a", 1, "b", 2).Err(), "CROSSSLOT")

	var nodes, found atomic.Int64
	must(0, client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		nodes.Add(1)
		check(must(node.DBSize(ctx).Result()) > keyCount/6, "keys are spread over all nodes")
		for scan := node.Scan(ctx, 0, "key:*", 100).Iterator(); scan.Next(ctx); {
			found.Add(1)
		}
		return nil
	}))
	check(nodes.Load() == 3 && found.Load() == keyCount, "SCAN of all nodes", nodes.Load(), found.Load())
	check(len(must(client.ClusterShards(ctx).Result())) == 3, "CLUSTER SHARDS")

	// One client that is not told of the cluster sees the redirection itself.
	single := redis.NewClient(&redis.Options{Addr: address, Protocol: protocol})
	defer single.Close()
	moved := 0
	for number := range 20 {
		if err := single.Get(ctx, fmt.Sprint("key:", number)).Err(); err != nil {
			checkError(err, "MOVED ")
			moved++
		}
	}
	check(moved > 0 && moved < 20, "MOVED", moved)
	must(0, client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.FlushDB(ctx).Err() }))
}

func standalone(address string, protocol int) {
	client := redis.NewClient(&redis.Options{Addr: address, Protocol: protocol, ClientName: "go-redis"})
	defer client.Close()
	data(client)
	channels(client)
	check(must(client.ClientGetName(ctx).Result()) == "go-redis", "CLIENT GETNAME")
	hello := must(client.Do(ctx, "HELLO").Result())
	check(strings.Contains(fmt.Sprint(hello), fmt.Sprint("proto ", protocol)) || strings.Contains(fmt.Sprint(hello), fmt.Sprint("proto:", protocol)),
		"HELLO", hello)
	must(client.FlushAll(ctx).Result())
}

func main() {
	defer cancel()
	for _, protocol := range []int{2, 3} {
		cluster(os.Args[1], protocol)
		standalone(os.Args[2], protocol)
		fmt.Println("ok go-redis", redis.Version(), "RESP", protocol)
	}
}
