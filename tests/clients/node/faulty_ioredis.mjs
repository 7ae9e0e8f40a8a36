// Faults, made and seen by ioredis: node faulty_ioredis.mjs HOST:PORT...
import { Cluster, Redis } from "ioredis";
import { tests } from "./faulty.mjs";
import { addresses } from "./remote.mjs";

const redisOptions = { commandTimeout: 500, socketTimeout: 500 };

tests("ioredis", addresses.map(({ port }) => port), {
  retries: true,
  async open() {
    const client = new Cluster(addresses, { redisOptions });
    client.on("error", () => {});
    return { get: (key) => client.get(key), set: (key, value) => client.set(key, value), close: () => client.disconnect() };
  },
  async ask(port, ...words) {
    const node = new Redis({ port });
    try {
      return await node.call(...words);
    } finally {
      node.disconnect();
    }
  },
});
