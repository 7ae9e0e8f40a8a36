// What the programs for both Node libraries share.
import assert from "node:assert/strict";

export const KEY_COUNT = 1000;
export const keys = Array.from({ length: KEY_COUNT }, (_, number) => `key:${number}`);

/** Waits until `holds()` is true; fails after 5 s. */
export async function until(holds, what) {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited in vain: ${what}`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** Runs main(cluster, standalone), each [host, port], from the command line; any failure is exit code 1, a hang as well. */
export function run(name, main) {
  const addresses = process.argv.slice(2, 4).map((word) => [word.split(":")[0], Number(word.split(":")[1])]);
  setTimeout(() => { console.error(`failed: ${name}: it hangs`); process.exit(1); }, 60_000).unref();
  main(...addresses).then(
    () => { console.log(`ok ${name}`); process.exit(0); },
    (error) => { console.error(`failed: ${name}:`, error); process.exit(1); },
  );
}
