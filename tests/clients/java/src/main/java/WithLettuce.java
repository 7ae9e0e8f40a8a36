import io.lettuce.core.*;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.*;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.sync.RedisClusterCommands;
import io.lettuce.core.cluster.pubsub.RedisClusterPubSubAdapter;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Lettuce against one node of a cluster and one standalone server: WithLettuce CLUSTER STANDALONE (each host:port). */
public final class WithLettuce {
  private static void data(RedisClusterCommands<String, String> client, RedisClusterCommands<String, String> another) throws Exception {
    for (int number = 0; number < Checks.KEY_COUNT; number++) {
      Checks.equal("OK", client.set("key:" + number, String.valueOf(number)));
    }
    for (int number = 0; number < Checks.KEY_COUNT; number++) {
      Checks.equal(String.valueOf(number), client.get("key:" + number));
    }
    Checks.check(client.get("none") == null, "missing key");

    client.mset(Map.of("{tag}a", "1", "{tag}b", "2"));
    Checks.equal(List.of(KeyValue.just("{tag}a", "1"), KeyValue.just("{tag}b", "2")), client.mget("{tag}a", "{tag}b"));
    Checks.refused("WRONGTYPE", () -> client.lpush("{tag}a", "x"));
    client.hset("hash", Map.of("f1", "v1", "f2", "v2"));
    Checks.equal(Map.of("f1", "v1", "f2", "v2"), client.hgetall("hash"));
    client.zadd("zset", 1.5, "a");
    client.zadd("zset", 2.0, "b");
    Checks.equal(List.of(ScoredValue.just(1.5, "a"), ScoredValue.just(2.0, "b")), client.zrangeWithScores("zset", 0, -1));

    client.psetex("brief", 40, "x");
    Checks.check(client.pttl("brief") > 0, "PTTL");
    Checks.until(() -> client.exists("brief") == 0, "expiry");

    var popped = CompletableFuture.supplyAsync(() -> another.blpop(10, "queue"));
    client.rpush("queue", "job");
    Checks.equal(KeyValue.just("queue", "job"), popped.get());

    Set<String> found = new HashSet<>();
    ScanIterator.scan(client, ScanArgs.Builder.matches("key:*").limit(100)).forEachRemaining(found::add);
    Checks.equal(Checks.KEY_COUNT, found.size());
  }

  private static void next(BlockingQueue<String> seen, String wanted) throws Exception {
    Checks.equal(wanted, String.valueOf(seen.poll(5, TimeUnit.SECONDS)));
  }

  private static void cluster(RedisURI address, ProtocolVersion protocol) throws Exception {
    RedisClusterClient client = RedisClusterClient.create(address);
    client.setOptions(ClusterClientOptions.builder().protocolVersion(protocol).build());
    StatefulRedisClusterConnection<String, String> connection = client.connect();
    data(connection.sync(), client.connect().sync());

    List<RedisFuture<String>> futures = new ArrayList<>();
    for (int number = 0; number < Checks.KEY_COUNT; number++) {
      futures.add(connection.async().get("key:" + number));
    }
    Checks.check(LettuceFutures.awaitAll(10, TimeUnit.SECONDS, futures.toArray(new RedisFuture[0])), "pipelining");
    Checks.equal(3, connection.getPartitions().size());
    for (RedisClusterNode node : connection.getPartitions()) {
      Checks.check(connection.getConnection(node.getNodeId()).sync().dbsize() > Checks.KEY_COUNT / 6, "keys are spread over all nodes");
    }

    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    var subscriber = client.connectPubSub();
    subscriber.addListener(new RedisClusterPubSubAdapter<String, String>() {
      @Override public void message(RedisClusterNode node, String channel, String text) { seen.add(channel + " " + text); }
      @Override public void smessage(RedisClusterNode node, String channel, String text) { seen.add(channel + " " + text); }
    });
    subscriber.sync().subscribe("news");
    connection.sync().publish("news", "hello");
    next(seen, "news hello");
    subscriber.sync().ssubscribe("shard");
    connection.sync().spublish("shard", "hello");
    next(seen, "shard hello");

    RedisClient single = RedisClient.create(address);
    RedisCommands<String, String> node = single.connect().sync();
    Checks.refused("CROSSSLOT", () -> node.sunion("a", "b"));
    Checks.refused("MOVED ", () -> { for (int number = 0; number < 20; number++) node.get("key:" + number); return null; });
    single.shutdown(0, 0, TimeUnit.SECONDS);
    connection.sync().flushall();
    client.shutdown(0, 0, TimeUnit.SECONDS);
  }

  private static void standalone(RedisURI address, ProtocolVersion protocol) throws Exception {
    RedisClient client = RedisClient.create(address);
    client.setOptions(ClientOptions.builder().protocolVersion(protocol).build());
    RedisCommands<String, String> commands = client.connect().sync();
    RedisCommands<String, String> another = client.connect().sync();
    data((RedisClusterCommands<String, String>) commands, (RedisClusterCommands<String, String>) another);

    commands.watch("watched");
    another.set("watched", "1");
    commands.multi();
    commands.get("watched");
    Checks.check(commands.exec().wasDiscarded(), "WATCH");
    commands.multi();
    commands.set("n", "5");
    commands.incr("n");
    Checks.equal(List.of("OK", 6L), commands.exec().stream().toList());

    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    var subscriber = client.connectPubSub();
    subscriber.addListener(new RedisPubSubAdapter<String, String>() {
      @Override public void message(String channel, String text) { seen.add(channel + " " + text); }
      @Override public void message(String pattern, String channel, String text) { seen.add(pattern + " " + channel + " " + text); }
    });
    subscriber.sync().subscribe("news");
    subscriber.sync().psubscribe("pat*");
    commands.publish("news", "hello");
    next(seen, "news hello");
    commands.publish("pattern", "hello");
    next(seen, "pat* pattern hello");
    commands.flushall();
    client.shutdown(0, 0, TimeUnit.SECONDS);
  }

  public static void main(String[] addresses) throws Exception {
    // Its shutdown closes each connection twice, and warns of that.
    Logger.getLogger("").setLevel(Level.SEVERE);
    for (ProtocolVersion protocol : List.of(ProtocolVersion.RESP2, ProtocolVersion.RESP3)) {
      cluster(RedisURI.create("redis://" + addresses[0]), protocol);
      standalone(RedisURI.create("redis://" + addresses[1]), protocol);
      System.out.println("ok Lettuce " + protocol);
    }
    System.exit(0);
  }
}
