// Faults, made and seen by node-redis: node faulty_node_redis.mjs HOST:PORT...
import { createClient, createCluster } from "redis";
import { tests } from "./faulty.mjs";
import { addresses } from "./remote.mjs";

const socket = { socketTimeout: 500, reconnectStrategy: () => 20 };

tests("node-redis", addresses.map(({ port }) => port), {
  retries: false,
  async open() {
    const rootNodes = addresses.map((address) => ({ socket: address }));
    const client = createCluster({ rootNodes, defaults: { pingInterval: 100, socket } });
    client.on("error", () => {}).on("node-error", () => {});
    await client.connect();
    return { get: (key) => client.get(key), set: (key, value) => client.set(key, value), close: () => client.destroy() };
  },
  async ask(port, ...words) {
    const node = await createClient({ socket: { port } }).on("error", () => {}).connect();
    try {
      return await node.sendCommand(words);
    } finally {
      node.destroy();
    }
  },
});
