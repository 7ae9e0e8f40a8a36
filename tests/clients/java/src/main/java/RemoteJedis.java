import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import redis.clients.jedis.*;
import redis.clients.jedis.util.SafeEncoder;

/** Jedis, told what to do: RemoteJedis HOST:PORT... */
public final class RemoteJedis extends Remote {
  private static final DefaultJedisClientConfig CONFIG = DefaultJedisClientConfig.builder().socketTimeoutMillis(1000).build();
  private final RedisClusterClient client;

  private RemoteJedis(Set<HostAndPort> addresses) {
    client = RedisClusterClient.builder().nodes(addresses).clientConfig(CONFIG).build();
  }

  @Override String get(String key) { return client.get(key); }

  @Override String set(String key, String value) { return client.set(key, value); }

  @Override List<String> mget(String... keys) { return client.mget(keys); }

  @Override String call(String host, int port, String... words) {
    try (Jedis node = new Jedis(new HostAndPort(host, port), CONFIG)) {
      Object reply = node.sendCommand(() -> SafeEncoder.encode(words[0]), Arrays.copyOfRange(words, 1, words.length));
      return String.valueOf(reply);
    }
  }

  public static void main(String[] addresses) throws Exception {
    new RemoteJedis(Arrays.stream(addresses).map(HostAndPort::from).collect(Collectors.toSet())).obey("Jedis");
  }
}
