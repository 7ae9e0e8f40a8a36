import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A client that does what it is told, a line at a time; see ../README.md. A library says how it does the first four. */
abstract class Remote {
  abstract String get(String key) throws Exception;

  abstract String set(String key, String value) throws Exception;

  abstract List<String> mget(String... keys) throws Exception;

  /** What one node replies to a command. */
  abstract String call(String host, int port, String... words) throws Exception;

  /** Sets keys of its own, one after the other, until it is to end. */
  private final class Writer extends Thread {
    final String prefix = "written:" + runs++ + ":";
    final List<Integer> acknowledged = new ArrayList<>();
    int refused;
    int streak;
    volatile boolean ending;

    @Override public void run() {
      for (int number = 0; !ending; number++) {
        boolean isSet;
        try {
          set(prefix + number, String.valueOf(number));
          isSet = true;
        } catch (Exception error) {
          isSet = false;
        }
        note(number, isSet);
        try {
          Thread.sleep(2);
        } catch (InterruptedException error) {
          return;
        }
      }
    }

    private synchronized void note(int number, boolean isSet) {
      if (isSet) {
        acknowledged.add(number);
        streak++;
      } else {
        refused++;
        streak = 0;
      }
    }

    synchronized String progress() {
      return acknowledged.size() + " " + refused + " " + streak;
    }

    /** What is there of all that was acknowledged. */
    String end() throws Exception {
      ending = true;
      join();
      int lost = 0;
      for (int number : acknowledged) {
        if (!String.valueOf(number).equals(get(prefix + number))) {
          lost++;
        }
      }
      return acknowledged.size() + " " + refused + " " + lost;
    }
  }

  private Writer writer;
  private int runs;

  private String execute(String name, String... words) throws Exception {
    switch (name) {
      case "get": return get(words[0]);
      case "set": return set(words[0], words[1]);
      case "mget": return String.join(" ", mget(words));
      case "call":
        String[] address = words[0].split(":");
        return call(address[0], Integer.parseInt(address[1]), Arrays.copyOfRange(words, 1, words.length));
      case "write":
        writer = new Writer();
        writer.setDaemon(true);
        writer.start();
        return "writing";
      case "progress": return writer.progress();
      case "stop": return writer.end();
      default: throw new IllegalArgumentException(name);
    }
  }

  /** Answer each line. */
  void obey(String name) throws Exception {
    System.out.println(name);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = lines.readLine()) != null; ) {
      String[] words = line.split("\t", -1);
      String answer;
      try {
        answer = execute(words[0], Arrays.copyOfRange(words, 1, words.length));
      } catch (Exception error) {
        answer = "! " + error.getClass().getSimpleName() + ": " + error.getMessage();
      }
      System.out.println(String.valueOf(answer).replace('\n', ' '));
    }
    System.exit(0);
  }
}
