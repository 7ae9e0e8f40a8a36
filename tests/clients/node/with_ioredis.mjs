// ioredis against one node of a cluster and one standalone server: node with_ioredis.mjs CLUSTER STANDALONE (each host:port).
import assert from "node:assert/strict";
import { Cluster, Redis } from "ioredis";
import { KEY_COUNT, keys, run, until } from "./shared.mjs";

async function data(client, another) {
  await Promise.all(keys.map((key, number) => client.set(key, number)));
  assert.deepEqual(await Promise.all(keys.map((key) => client.get(key))), keys.map((_, number) => String(number)));
  assert.equal(await client.get("none"), null);

  await client.mset("{tag}a", 1, "{tag}b", 2);
  assert.deepEqual(await client.mget("{tag}a", "{tag}b"), ["1", "2"]);
  await assert.rejects(client.lpush("{tag}a", "x"), /^ReplyError: WRONGTYPE /);
  assert.deepEqual(await client.pipeline().incr("{tag}a").get("{tag}a").lpush("{tag}b", "x").exec().then((all) => all.length), 3);

  await client.hset("hash", { f1: "v1", f2: "v2" });
  assert.deepEqual(await client.hgetall("hash"), { f1: "v1", f2: "v2" });
  await client.zadd("zset", 1.5, "a", 2, "b");
  assert.deepEqual(await client.zrange("zset", 0, -1, "WITHSCORES"), ["a", "1.5", "b", "2"]);

  await client.set("brief", "x", "PX", 40);
  assert.ok((await client.pttl("brief")) > 0);
  await until(async () => (await client.get("brief")) === null, "expiry");

  const results = await client.multi().set("{tag}a", 5).incr("{tag}a").exec();
  assert.deepEqual(results, [[null, "OK"], [null, 6]]);

  const popped = another.blpop("queue", 10);
  await client.rpush("queue", "job");
  assert.deepEqual(await popped, ["queue", "job"]);
}

/** Subscribes one client to three kinds of channels and sends to each by another. */
async function channels(client, subscriber) {
  const seen = [];
  subscriber.on("message", (channel, text) => seen.push(`${channel} ${text}`));
  subscriber.on("pmessage", (pattern, channel, text) => seen.push(`${pattern} ${channel} ${text}`));
  subscriber.on("smessage", (channel, text) => seen.push(`${channel} ${text}`));
  await subscriber.subscribe("news");
  await subscriber.psubscribe("pat*");
  await client.publish("news", "hello");
  await client.publish("pattern", "hello");
  await subscriber.ssubscribe("shard");
  await client.spublish("shard", "hello");
  await until(() => seen.length === 3, `messages, had ${seen}`);
  assert.deepEqual(seen.sort(), ["news hello", "pat* pattern hello", "shard hello"]);
}

async function cluster([host, port]) {
  const open = () => new Cluster([{ host, port }], { shardedSubscribers: true });
  const [client, another] = [open(), open()];
  await data(client, another);
  await channels(client, another);
  await assert.rejects(client.mset("a", 1, "b", 2), /CROSSSLOT|must map to the same slot|same slot/i);

  const nodes = client.nodes("master");
  assert.equal(nodes.length, 3);
  const found = new Set();
  for (const node of nodes) {
    assert.ok((await node.dbsize()) > KEY_COUNT / 6);
    for await (const batch of node.scanStream({ match: "key:*", count: 100 })) batch.forEach((key) => found.add(key));
  }
  assert.equal(found.size, KEY_COUNT);

  const single = new Redis({ host, port });
  const outcomes = await Promise.allSettled(keys.slice(0, 20).map((key) => single.get(key)));
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected").map((outcome) => outcome.reason.message);
  assert.ok(refusals.length > 0 && refusals.length < 20 && refusals.every((text) => text.startsWith("MOVED ")), refusals);
  await assert.rejects(single.mset("a", 1, "b", 2), /CROSSSLOT/);

  await Promise.all(nodes.map((node) => node.flushdb()));
  [client, another, single].forEach((each) => each.disconnect());
}

async function standalone([host, port]) {
  const [client, another] = [new Redis({ host, port, connectionName: "ioredis" }), new Redis({ host, port })];
  await data(client, another);
  await channels(client, another);
  assert.equal(await client.client("GETNAME"), "ioredis");

  await client.watch("watched");
  const third = new Redis({ host, port });
  await third.set("watched", 1);
  assert.equal(await client.multi().get("watched").exec(), null);
  await client.flushall();
  [client, another, third].forEach((each) => each.disconnect());
}

run("ioredis", async (clusterAddress, standaloneAddress) => {
  await cluster(clusterAddress);
  await standalone(standaloneAddress);
});
