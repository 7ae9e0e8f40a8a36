// node-redis against one node of a cluster and one standalone server: node with_node_redis.mjs CLUSTER STANDALONE (each host:port).
import assert from "node:assert/strict";
import { createClient, createCluster, WatchError } from "redis";
import { KEY_COUNT, keys, run, until } from "./shared.mjs";

async function data(client, another) {
  await Promise.all(keys.map((key, number) => client.set(key, String(number))));
  assert.deepEqual(await Promise.all(keys.map((key) => client.get(key))), keys.map((_, number) => String(number)));
  assert.equal(await client.get("none"), null);

  await client.mSet([["{tag}a", "1"], ["{tag}b", "2"]]);
  assert.deepEqual(await client.mGet(["{tag}a", "{tag}b"]), ["1", "2"]);
  await assert.rejects(client.lPush("{tag}a", "x"), /WRONGTYPE/);

  await client.hSet("hash", { f1: "v1", f2: "v2" });
  assert.deepEqual({ ...(await client.hGetAll("hash")) }, { f1: "v1", f2: "v2" });
  await client.zAdd("zset", [{ score: 1.5, value: "a" }, { score: 2, value: "b" }]);
  assert.deepEqual(await client.zRangeWithScores("zset", 0, -1), [{ value: "a", score: 1.5 }, { value: "b", score: 2 }]);

  await client.set("brief", "x", { PX: 40 });
  assert.ok((await client.pTTL("brief")) > 0);
  await until(async () => (await client.get("brief")) === null, "expiry");

  assert.deepEqual(await client.multi().set("{tag}a", "5").incr("{tag}a").exec(), ["OK", 6]);

  const popped = another.blPop("queue", 10);
  await client.rPush("queue", "job");
  assert.deepEqual({ ...(await popped) }, { key: "queue", element: "job" });
}

async function channels(client, subscriber) {
  const seen = [];
  const listener = (message, channel) => seen.push(`${channel} ${message}`);
  await subscriber.subscribe("news", listener);
  await subscriber.pSubscribe("pat*", listener);
  await subscriber.sSubscribe("shard", listener);
  await client.publish("news", "hello");
  await client.publish("pattern", "hello");
  await client.sPublish("shard", "hello");
  await until(() => seen.length === 3, `messages, had ${seen}`);
  assert.deepEqual(seen.sort(), ["news hello", "pattern hello", "shard hello"]);
  await subscriber.unsubscribe("news");
  await subscriber.pUnsubscribe("pat*");
  await subscriber.sUnsubscribe("shard");
}

async function cluster([host, port], RESP) {
  const open = () => createCluster({ rootNodes: [{ socket: { host, port } }], RESP }).connect();
  const [client, another] = [await open(), await open()];
  await data(client, another);
  await channels(client, another);
  await assert.rejects(client.sUnion(["a", "b"]), /CROSSSLOT/);

  assert.equal(client.masters.length, 3);
  const found = new Set();
  for (const master of client.masters) {
    const node = await client.nodeClient(master);
    assert.ok((await node.dbSize()) > KEY_COUNT / 6);
    for await (const batch of node.scanIterator({ MATCH: "key:*", COUNT: 100 })) batch.forEach((key) => found.add(key));
  }
  assert.equal(found.size, KEY_COUNT);

  const single = await createClient({ socket: { host, port }, RESP }).connect();
  const outcomes = await Promise.allSettled(keys.slice(0, 20).map((key) => single.get(key)));
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected").map((outcome) => outcome.reason.message);
  assert.ok(refusals.length > 0 && refusals.length < 20 && refusals.every((text) => text.startsWith("MOVED ")), refusals);

  for (const master of client.masters) await (await client.nodeClient(master)).flushDb();
  [client, another, single].forEach((each) => each.destroy());
}

async function standalone([host, port], RESP) {
  const open = () => createClient({ socket: { host, port }, RESP, name: "node-redis" }).connect();
  const [client, another, third] = [await open(), await open(), await open()];
  await data(client, another);
  await channels(client, another);
  assert.equal(await client.clientGetName(), "node-redis");

  await client.watch("watched");
  await third.set("watched", "1");
  await assert.rejects(client.multi().get("watched").exec(), WatchError);
  await client.flushAll();
  [client, another, third].forEach((each) => each.destroy());
}

run("node-redis", async (clusterAddress, standaloneAddress) => {
  for (const RESP of [2, 3]) {
    await cluster(clusterAddress, RESP);
    await standalone(standaloneAddress, RESP);
  }
});
