// A client that does what it is told, a line at a time; see ../README.md. The library is given as an object of functions.
import { createInterface } from "node:readline";

export const addresses = process.argv.slice(2).map((word) => ({ host: word.split(":")[0], port: Number(word.split(":")[1]) }));

/** Sets keys of its own, one after the other, until it is to end. */
class Writer {
  static runs = 0;
  prefix = `written:${Writer.runs++}`;
  acknowledged = [];
  refused = 0;
  streak = 0;
  ending = false;

  constructor(library) {
    this.library = library;
    this.ended = this.run();
  }

  async run() {
    for (let number = 0; !this.ending; number++) {
      try {
        await this.library.set(`${this.prefix}:${number}`, String(number));
        this.acknowledged.push(number);
        this.streak++;
      } catch {
        this.refused++;
        this.streak = 0;
      }
      await new Promise((wake) => setTimeout(wake, 2));
    }
  }

  /** What is there of all that was acknowledged. */
  async stop() {
    this.ending = true;
    await this.ended;
    const got = await Promise.all(this.acknowledged.map((number) => this.library.get(`${this.prefix}:${number}`)));
    const lost = got.filter((value, at) => value !== String(this.acknowledged[at])).length;
    return `${this.acknowledged.length} ${this.refused} ${lost}`;
  }
}

/** `library`: its name, and get, set, mget, and call(host, port, words), which asks one node. */
export async function obey(library) {
  let writer;
  const instructions = {
    ...library,
    mget: async (...keys) => (await library.mget(...keys)).join(" "),
    call: (address, ...words) => library.call(address.split(":")[0], Number(address.split(":")[1]), words),
    write: () => { writer = new Writer(library); return "writing"; },
    progress: () => `${writer.acknowledged.length} ${writer.refused} ${writer.streak}`,
    stop: () => writer.stop(),
  };
  console.log(library.name);
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split("\t");
    const answer = await Promise.resolve().then(() => instructions[name](...words)).catch((error) => `! ${error.name}: ${error.message}`);
    console.log(String(answer).replaceAll("\n", " "));
  }
  process.exit(0);
}
