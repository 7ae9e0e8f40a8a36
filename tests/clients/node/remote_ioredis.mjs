// ioredis, told what to do: node remote_ioredis.mjs HOST:PORT...
import { Cluster, Redis } from "ioredis";
import { addresses, obey } from "./remote.mjs";

const redisOptions = { commandTimeout: 3000, socketTimeout: 1000 };
const client = new Cluster(addresses, { redisOptions });
client.on("error", () => {});

await obey({
  name: "ioredis",
  get: (key) => client.get(key),
  set: (key, value) => client.set(key, value),
  mget: (...keys) => client.mget(...keys),
  async call(host, port, words) {
    const node = new Redis({ host, port, ...redisOptions });
    try {
      return await node.call(...words);
    } finally {
      node.disconnect();
    }
  },
});
