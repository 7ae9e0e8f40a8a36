// Faults that a program for Node makes by itself, as the tests of an application would; see ../README.md.
import assert from "node:assert/strict";
import { test } from "node:test";

/**
 * `open()` gives a client of the cluster with get, set and close; `ask(port, ...words)` sends a command to one node.
 * `retries`: whether the library tries again where the cluster is down or a connection ended.
 */
export function tests(name, ports, { open, ask, retries }) {
  const everyNode = (...words) => Promise.all(ports.map((port) => ask(port, ...words)));

  /** A test with a client of its own, and no fault before and after it. */
  function withClient(what, run) {
    test(`${name}: ${what}`, { timeout: 20_000 }, async () => {
      const client = await open();
      await client.set("key", "value");
      try {
        await run(client);
      } finally {
        await everyNode("FAULT", "HEAL");
      }
      assert.equal(await eventually(() => client.get("key")), "value");
      client.close();
    });
  }

  /** The first result; a connection may only be found broken when it is used. */
  async function eventually(ask) {
    for (let attempt = 0; attempt < 50; attempt++) {
      try {
        return await ask();
      } catch {
        await new Promise((wake) => setTimeout(wake, 50));
      }
    }
    return ask();
  }

  withClient("an error, once", async (client) => {
    await everyNode("FAULT", "REPLY", "ERROR", "BUSY a script runs", "COMMAND", "get", "KEY", "key", "TIMES", "1");
    await assert.rejects(client.get("key"), /BUSY a script runs/);
    assert.equal(await client.get("key"), "value");
  });

  withClient("the cluster is down for a moment", async (client) => {
    await everyNode("FAULT", "REPLY", "ERROR", "CLUSTERDOWN The cluster is down", "COMMAND", "get", "TIMES", "2");
    if (!retries) await assert.rejects(client.get("key"), /CLUSTERDOWN/);
    assert.equal(await eventually(() => client.get("key")), "value");
  });

  withClient("half a reply", async (client) => {
    await everyNode("FAULT", "REPLY", "CUT", "COMMAND", "get", "TIMES", "1");
    if (!retries) await assert.rejects(client.get("key"));
    assert.equal(await eventually(() => client.get("key")), "value");
  });

  withClient("no reply", async (client) => {
    await everyNode("FAULT", "REPLY", "SILENCE", "COMMAND", "set", "KEY", "count", "TIMES", "1");
    await assert.rejects(client.set("count", "1"), /timed? ?out/i);
    assert.equal(await eventually(() => client.get("count")), "1", "it was carried out all the same");
  });

  withClient("latency", async (client) => {
    await everyNode("FAULT", "WIRE", "LATENCY", "50", "KIND", "CLIENT");
    const start = performance.now();
    assert.equal(await client.get("key"), "value");
    assert.ok(performance.now() - start >= 50);
  });

  withClient("which faults there are", async () => {
    await ask(ports[0], "FAULT", "REPLY", "MOVED", `127.0.0.1:${ports[1]}`, "COMMAND", "get");
    assert.match(JSON.stringify(await ask(ports[0], "FAULT", "LIST")), /moved/);
    assert.equal(await ask(ports[0], "FAULT", "HEAL"), 1);
    assert.deepEqual(await ask(ports[0], "FAULT", "LIST"), []);
    await assert.rejects(ask(ports[0], "FAULT", "REPLY", "NONSENSE"), /ERR syntax error/);
  });
}
