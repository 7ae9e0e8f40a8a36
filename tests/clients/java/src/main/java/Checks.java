import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What the programs for both Java libraries share. */
final class Checks {
  static final int KEY_COUNT = 1000;

  static void check(boolean holds, String what, Object... got) {
    if (!holds) {
      throw new AssertionError(what + " " + Arrays.toString(got));
    }
  }

  static void equal(Object wanted, Object got) {
    check(wanted.equals(got), "wanted " + wanted + ", got", got);
  }

  /** The action must fail with a message that starts so. */
  static void refused(String prefix, Callable<?> action) {
    try {
      action.call();
    } catch (Exception error) {
      check(String.valueOf(error.getMessage()).startsWith(prefix), "wanted error " + prefix, error);
      return;
    }
    throw new AssertionError("not refused: " + prefix);
  }

  static void until(Callable<Boolean> holds, String what) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (!holds.call()) {
      check(System.nanoTime() < deadline, "waited in vain:", what);
      Thread.sleep(5);
    }
  }

  static void await(CountDownLatch latch, String what) throws Exception {
    check(latch.await(5, TimeUnit.SECONDS), "waited in vain:", what);
  }
}
