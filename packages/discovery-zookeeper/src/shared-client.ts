/** What can be ended. */
interface Closable {
  close(): Promise<void>;
}

/** One client for all who need it: made for the first of them, closed after the last. */
export class SharedClient<T extends Closable, C> {
  readonly #make: (context: C) => T;
  #client: T | undefined;
  #users = 0;
  #closing: Promise<void> = Promise.resolve();

  constructor(make: (context: C) => T) {
    this.#make = make;
  }

  take(context: C): T {
    this.#users++;
    this.#client ??= this.#make(context);
    return this.#client;
  }

  /** One user less; resolves when everything that nobody uses is gone. */
  release(): Promise<void> {
    this.#users--;
    const client = this.#client;
    if (this.#users === 0 && client !== undefined) {
      this.#client = undefined;
      this.#closing = Promise.all([this.#closing, client.close()]).then(() => undefined);
    }
    return this.#closing;
  }

  /** Resolves when every client that nobody uses any more is gone. */
  settled(): Promise<void> {
    return this.#closing;
  }
}
