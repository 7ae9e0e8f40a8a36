import io.lettuce.core.*;
import io.lettuce.core.cluster.*;
import io.lettuce.core.cluster.api.sync.RedisAdvancedClusterCommands;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.ObjectOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Lettuce, told what to do: RemoteLettuce HOST:PORT... */
public final class RemoteLettuce extends Remote {
  private static final Duration TIMEOUT = Duration.ofSeconds(1);
  private final RedisAdvancedClusterCommands<String, String> client;

  private RemoteLettuce(String[] addresses) {
    RedisClusterClient cluster = RedisClusterClient.create(Arrays.stream(addresses).map(address -> RedisURI.create("redis://" + address)).toList());
    // Without these it never looks for a new primary, and waits for a lost reply for as long as the connection lasts.
    var refresh = ClusterTopologyRefreshOptions.builder().enableAllAdaptiveRefreshTriggers().adaptiveRefreshTriggersTimeout(Duration.ofMillis(200)).build();
    cluster.setOptions(ClusterClientOptions.builder().topologyRefreshOptions(refresh).timeoutOptions(TimeoutOptions.enabled(TIMEOUT)).build());
    client = cluster.connect().sync();
  }

  @Override String get(String key) { return client.get(key); }

  @Override String set(String key, String value) { return client.set(key, value); }

  @Override List<String> mget(String... keys) { return client.mget(keys).stream().map(KeyValue::getValue).toList(); }

  @Override String call(String host, int port, String... words) {
    RedisClient node = RedisClient.create(RedisURI.builder().withHost(host).withPort(port).withTimeout(TIMEOUT).build());
    try (var connection = node.connect()) {
      var arguments = new CommandArgs<>(StringCodec.UTF8);
      for (int at = 1; at < words.length; at++) {
        arguments.add(words[at]);
      }
      return String.valueOf(connection.sync().dispatch(keyword(words[0]), new ObjectOutput<>(StringCodec.UTF8), arguments));
    } finally {
      node.shutdown(Duration.ZERO, Duration.ofSeconds(1));
    }
  }

  private static ProtocolKeyword keyword(String name) {
    return new ProtocolKeyword() {
      @Override public byte[] getBytes() { return name.getBytes(StandardCharsets.US_ASCII); }

      @Override public String toString() { return name; }
    };
  }

  public static void main(String[] addresses) throws Exception {
    Logger.getLogger("").setLevel(Level.OFF);
    new RemoteLettuce(addresses).obey("Lettuce");
  }
}
