// node-redis, told what to do: node remote_node_redis.mjs HOST:PORT...
import { createClient, createCluster } from "redis";
import { addresses, obey } from "./remote.mjs";

// A socket that was silent is only opened again where one says so.
const socket = { socketTimeout: 1000, reconnectStrategy: (retries) => Math.min(retries * 20, 200) };
const client = createCluster({ rootNodes: addresses.map((address) => ({ socket: address })), defaults: { pingInterval: 200, socket } });
client.on("error", () => {}).on("node-error", () => {});
await client.connect();

await obey({
  name: "node-redis",
  get: (key) => client.get(key),
  set: (key, value) => client.set(key, value),
  mget: (...keys) => client.mGet(keys),
  async call(host, port, words) {
    const node = await createClient({ socket: { host, port, reconnectStrategy: false } }).on("error", () => {}).connect();
    try {
      return await node.sendCommand(words);
    } finally {
      node.destroy();
    }
  },
});
