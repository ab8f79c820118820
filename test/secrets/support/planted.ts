import { inspect } from "node:util";

/** Secrets, each with the place where it was planted in it, and everything that came out. */
export class Planted {
  readonly #secrets = new Map<string, string>();
  readonly #out: { readonly from: string; readonly text: string }[] = [];
  #count = 0;

  /** A secret for a place. No two are alike, so that a leak tells where it went in. */
  at(place: string): string {
    const secret = `zq${this.#count++}Xv7Kp9-${place.replaceAll(/\W+/g, "")}-5hD2wR8`;
    this.#plant(secret, place);
    return secret;
  }

  /** A secret that somebody else has made: every line of it that is long enough to be one. */
  known(place: string, secret: string): string {
    for (const line of secret.split("\n"))
      if (line.length > 20 && !line.startsWith("--")) this.#plant(line, place);
    return secret;
  }

  /** In every form in which bytes are written. */
  #plant(secret: string, place: string): void {
    this.#secrets.set(secret, place);
    const bytes = Buffer.from(secret);
    this.#secrets.set(bytes.toString("hex"), `${place}, in hexadecimal`);
    // A buffer as JSON.
    this.#secrets.set(bytes.join(","), `${place}, as numbers`);
    // Wherever it begins: the first bytes and the last share their characters with what stands beside them.
    for (const skipped of [0, 1, 2]) {
      const whole = bytes.subarray(skipped, skipped + 3 * Math.floor((bytes.length - skipped) / 3));
      this.#secrets.set(whole.toString("base64"), `${place}, in Base64`);
      this.#secrets.set(whole.toString("base64url"), `${place}, in Base64`);
    }
  }

  /** As `authorization: Basic` has it. */
  basic(place: string): string {
    const encoded = Buffer.from(`user:${this.at(place)}`).toString("base64");
    this.#secrets.set(encoded, `${place}, in Base64`);
    return `Basic ${encoded}`;
  }

  /** A text that came out. */
  text(from: string, text: string): void {
    this.#out.push({ from, text });
  }

  /** Anything that came out: as JSON, as `console.log` shows it, and with all that an error carries. */
  value(from: string, value: unknown): void {
    this.text(from, inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity }));
    const json: unknown = JSON.stringify(value);
    if (typeof json === "string") this.text(from, json);
    for (let error = value; error instanceof Error; error = error.cause) {
      this.text(from, `${error.name} ${error.message} ${error.stack} ${JSON.stringify(error)}`);
      if (error instanceof AggregateError) for (const one of error.errors) this.value(from, one);
    }
  }

  /** What is to be thrown; that nothing is, is a fault too. */
  async thrown(from: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.value(from, error);
      return;
    }
    throw new Error(`${from} was to fail`);
  }

  /** Where something came out from. */
  get sources(): ReadonlySet<string> {
    return new Set(this.#out.map(({ from }) => from));
  }

  /** Everything that came out from one place. */
  from(source: string): string {
    return this.#out
      .filter(({ from }) => from === source)
      .map(({ text }) => text)
      .join("\n");
  }

  /** The secrets that came out: where each went in, where it came out, and what stands around it there. */
  get leaks(): readonly string[] {
    const found = new Set<string>();
    for (const { from, text } of this.#out) {
      for (const [secret, place] of this.#secrets) {
        const at = text.indexOf(secret);
        if (at !== -1)
          found.add(`${place} came out of ${from}: …${text.slice(Math.max(0, at - 80), at + 60)}…`);
      }
    }
    return [...found];
  }
}
