import type { Socket } from "node:net";

import type { buildConnector } from "undici";

/** What undici asks a connector for. */
type ConnectOptions = Parameters<buildConnector.connector>[0];

/**
 * Connections to one endpoint that are open before anybody needs them. undici asks for a connection when a call has none; it gets
 * one of these, and the others wait. A connection that the endpoint closes meanwhile is forgotten, and opened anew when next looked
 * after.
 */
export class ReadyConnections {
  readonly #connect: buildConnector.connector;
  readonly #options: ConnectOptions;
  readonly #ready = new Set<Socket>();
  #opening = 0;
  #closed = false;
  #failures = 0;
  #retryAt = -Infinity;

  constructor(connect: buildConnector.connector, origin: string, servername: string | undefined) {
    this.#connect = connect;
    const { host, hostname, port, protocol } = new URL(origin);
    const named = servername === undefined ? undefined : { servername };
    this.#options = { host, hostname, protocol, port: port === "" ? defaultPort(protocol) : port, ...named };
  }

  /** Connections that wait to be used. */
  get size(): number {
    return this.#ready.size;
  }

  /** A connector for undici: gives what is ready, and opens another where nothing is. */
  readonly connector: buildConnector.connector = (options, callback) => {
    const [socket] = this.#ready;
    if (socket === undefined) {
      this.#connect(options, callback);
      return;
    }
    this.#forget(socket);
    socket.ref();
    // undici expects to hear later, never before its own call returns.
    queueMicrotask(() => {
      callback(null, socket);
    });
  };

  /**
   * Opens connections until `count` are ready.
   * @returns when they are, or when the first of them could not be opened
   */
  async fill(count: number): Promise<void> {
    const missing = count - this.#ready.size - this.#opening;
    await Promise.all(Array.from({ length: Math.max(0, missing) }, () => this.#open()));
  }

  /** Opens again what was lost; after failures ever more rarely. */
  tend(count: number, now: number): void {
    if (now < this.#retryAt || this.#ready.size + this.#opening >= count) return;
    void this.#refill(count, now);
  }

  async #refill(count: number, now: number): Promise<void> {
    try {
      await this.fill(count);
      this.#failures = 0;
    } catch {
      this.#retryAt = now + Math.min(30_000, 1_000 * 2 ** this.#failures++);
    }
  }

  /** Ends what nobody took. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#ready) {
      this.#forget(socket);
      socket.destroy();
    }
  }

  #open(): Promise<void> {
    this.#opening++;
    return new Promise((resolve, reject) => {
      this.#connect(this.#options, (error, socket) => {
        this.#opening--;
        if (error !== null) {
          reject(error);
          return;
        }
        if (this.#closed) socket.destroy();
        else this.#keep(socket);
        resolve();
      });
    });
  }

  #keep(socket: Socket): void {
    this.#ready.add(socket);
    // Waiting for calls must not keep the process alive.
    socket.unref();
    for (const event of ends) socket.once(event, this.#drop);
  }

  #forget(socket: Socket): void {
    this.#ready.delete(socket);
    for (const event of ends) socket.off(event, this.#drop);
  }

  readonly #drop = (): void => {
    for (const socket of this.#ready) {
      if (!socket.destroyed && socket.readable) continue;
      this.#forget(socket);
      socket.destroy();
    }
  };
}

const ends = ["close", "end", "error"] as const;

function defaultPort(protocol: string): string {
  return protocol === "https:" ? "443" : "80";
}
