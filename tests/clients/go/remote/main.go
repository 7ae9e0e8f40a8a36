// go-redis, told what to do a line at a time: go run ./remote HOST:PORT...; see ../../README.md.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const timeout = time.Second

var ctx = context.Background()

// Sets keys of its own, one after the other, until it is to end.
type writer struct {
	client          *redis.ClusterClient
	prefix          string
	mutex           sync.Mutex
	acknowledged    []int
	refused, streak int
	ending, ended   chan struct{}
}

func (w *writer) run() {
	defer close(w.ended)
	for number := 0; ; number++ {
		select {
		case <-w.ending:
			return
		case <-time.After(2 * time.Millisecond):
		}
		err := w.client.Set(ctx, fmt.Sprint(w.prefix, number), number, 0).Err()
		w.mutex.Lock()
		if err == nil {
			w.acknowledged = append(w.acknowledged, number)
			w.streak++
		} else {
			w.refused++
			w.streak = 0
		}
		w.mutex.Unlock()
	}
}

func (w *writer) progress() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return fmt.Sprint(len(w.acknowledged), w.refused, w.streak)
}

// What is there of all that was acknowledged.
func (w *writer) stop() (string, error) {
	close(w.ending)
	<-w.ended
	lost := 0
	for _, number := range w.acknowledged {
		value, err := w.client.Get(ctx, fmt.Sprint(w.prefix, number)).Result()
		if err != nil && err != redis.Nil {
			return "", err
		}
		if value != strconv.Itoa(number) {
			lost++
		}
	}
	return fmt.Sprint(len(w.acknowledged), w.refused, lost), nil
}

func call(address string, words []string) (string, error) {
	node := redis.NewClient(&redis.Options{Addr: address, ReadTimeout: timeout})
	defer node.Close()
	arguments := make([]any, len(words))
	for at, word := range words {
		arguments[at] = word
	}
	reply, err := node.Do(ctx, arguments...).Result()
	return fmt.Sprint(reply), err
}

func main() {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:       os.Args[1:],
		ReadTimeout: timeout,
		// As it comes, it asks once a minute only who is there instead of a node that refuses connections.
		ClusterStateReloadInterval: timeout,
	})
	defer client.Close()
	var current *writer
	runs := 0

	execute := func(name string, words []string) (string, error) {
		switch name {
		case "get":
			return client.Get(ctx, words[0]).Result()
		case "set":
			return client.Set(ctx, words[0], words[1], 0).Result()
		case "mget":
			values, err := client.MGet(ctx, words...).Result()
			return strings.Trim(fmt.Sprint(values), "[]"), err
		case "call":
			return call(words[0], words[1:])
		case "write":
			runs++
			current = &writer{client: client, prefix: fmt.Sprintf("written:%d:", runs), ending: make(chan struct{}), ended: make(chan struct{})}
			go current.run()
			return "writing", nil
		case "progress":
			return current.progress(), nil
		case "stop":
			return current.stop()
		}
		return "", fmt.Errorf("no such instruction: %s", name)
	}

	fmt.Println("go-redis", redis.Version())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		answer, err := execute(words[0], words[1:])
		if err != nil {
			answer = fmt.Sprintf("! %T: %v", err, err)
		}
		fmt.Println(strings.ReplaceAll(answer, "\n", " "))
	}
}
