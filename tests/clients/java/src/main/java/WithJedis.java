import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import redis.clients.jedis.*;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.resps.Tuple;

/** Jedis against one node of a cluster and one standalone server: WithJedis CLUSTER STANDALONE (each host:port). */
public final class WithJedis {
  private static void data(UnifiedJedis client) throws Exception {
    try (AbstractPipeline pipe = client.pipelined()) {
      List<Response<String>> replies = new ArrayList<>();
      for (int number = 0; number < Checks.KEY_COUNT; number++) {
        replies.add(pipe.set("key:" + number, String.valueOf(number)));
      }
      pipe.sync();
      replies.forEach(reply -> Checks.equal("OK", reply.get()));
    }
    for (int number = 0; number < Checks.KEY_COUNT; number++) {
      Checks.equal(String.valueOf(number), client.get("key:" + number));
    }
    Checks.check(client.get("none") == null, "missing key");

    client.mset("{tag}a", "1", "{tag}b", "2");
    Checks.equal(List.of("1", "2"), client.mget("{tag}a", "{tag}b"));
    Checks.refused("WRONGTYPE", () -> client.lpush("{tag}a", "x"));
    client.hset("hash", Map.of("f1", "v1", "f2", "v2"));
    Checks.equal(Map.of("f1", "v1", "f2", "v2"), client.hgetAll("hash"));
    client.zadd("zset", Map.of("a", 1.5, "b", 2.0));
    Checks.equal(List.of(new Tuple("a", 1.5), new Tuple("b", 2.0)), client.zrangeWithScores("zset", 0, -1));

    client.psetex("brief", 40, "x");
    Checks.check(client.pttl("brief") > 0, "PTTL");
    Checks.until(() -> !client.exists("brief"), "expiry");

    CompletableFuture<List<String>> popped = CompletableFuture.supplyAsync(() -> client.blpop(10, "queue"));
    client.rpush("queue", "job");
    Checks.equal(List.of("queue", "job"), popped.get());
  }

  private static void channels(UnifiedJedis client) throws Exception {
    CountDownLatch subscribed = new CountDownLatch(1);
    List<String> seen = new ArrayList<>();
    JedisPubSub listener = new JedisPubSub() {
      @Override public void onSubscribe(String channel, int count) { subscribed.countDown(); }
      @Override public void onMessage(String channel, String text) { seen.add(channel + " " + text); unsubscribe(); }
    };
    CompletableFuture<Void> subscriber = CompletableFuture.runAsync(() -> client.subscribe(listener, "news"));
    Checks.await(subscribed, "SUBSCRIBE");
    client.publish("news", "hello");
    subscriber.get();
    Checks.equal(List.of("news hello"), seen);
  }

  private static void shardChannels(RedisClusterClient client) throws Exception {
    CountDownLatch subscribed = new CountDownLatch(1);
    List<String> seen = new ArrayList<>();
    JedisShardedPubSub listener = new JedisShardedPubSub() {
      @Override public void onSSubscribe(String channel, int count) { subscribed.countDown(); }
      @Override public void onSMessage(String channel, String text) { seen.add(channel + " " + text); sunsubscribe(); }
    };
    CompletableFuture<Void> subscriber = CompletableFuture.runAsync(() -> client.ssubscribe(listener, "shard"));
    Checks.await(subscribed, "SSUBSCRIBE");
    client.spublish("shard", "hello");
    subscriber.get();
    Checks.equal(List.of("shard hello"), seen);
  }

  private static void cluster(HostAndPort address, DefaultJedisClientConfig config) throws Exception {
    try (RedisClusterClient client = RedisClusterClient.builder().nodes(Set.of(address)).clientConfig(config).build()) {
      data(client);
      channels(client);
      shardChannels(client);
      Set<String> found = new HashSet<>();
      Checks.equal(3, client.getClusterNodes().size());
      for (ConnectionPool pool : client.getClusterNodes().values()) {
        try (Jedis node = new Jedis(pool.getResource())) {
          Checks.check(node.dbSize() > Checks.KEY_COUNT / 6, "keys are spread over all nodes");
          String cursor = ScanParams.SCAN_POINTER_START;
          do {
            var page = node.scan(cursor, new ScanParams().match("key:*").count(100));
            found.addAll(page.getResult());
            cursor = page.getCursor();
          } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
          node.flushDB();
        }
      }
      Checks.equal(Checks.KEY_COUNT, found.size());
    }
    try (Jedis single = new Jedis(address, config)) {
      Checks.refused("CROSSSLOT", () -> single.sunion("a", "b"));
      int moved = 0;
      for (int number = 0; number < 20; number++) {
        try {
          single.get("key:" + number);
        } catch (redis.clients.jedis.exceptions.JedisMovedDataException error) {
          moved++;
        }
      }
      Checks.check(moved > 0 && moved < 20, "MOVED", moved);
    }
  }

  private static void standalone(HostAndPort address, DefaultJedisClientConfig config) throws Exception {
    try (RedisClient client = RedisClient.builder().hostAndPort(address).clientConfig(config).build()) {
      data(client);
      channels(client);
      try (AbstractTransaction transaction = client.multi()) {
        transaction.set("n", "5");
        transaction.incr("n");
        Checks.equal(List.of("OK", 6L), transaction.exec());
      }
      try (AbstractTransaction transaction = client.transaction(false)) {
        transaction.watch("watched");
        client.set("watched", "1");
        transaction.multi();
        transaction.get("watched");
        Checks.check(transaction.exec() == null, "WATCH");
      }
      client.flushAll();
    }
  }

  public static void main(String[] addresses) throws Exception {
    for (RedisProtocol protocol : List.of(RedisProtocol.RESP2, RedisProtocol.RESP3)) {
      var config = DefaultJedisClientConfig.builder().protocol(protocol).build();
      cluster(HostAndPort.from(addresses[0]), config);
      standalone(HostAndPort.from(addresses[1]), config);
      System.out.println("ok Jedis " + protocol);
    }
    System.exit(0);
  }
}
