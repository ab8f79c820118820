import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";
import type { ZookeeperPorts, ZookeeperTls } from "./zookeeper-config.ts";

/** A ZooKeeper server of this tool. */
export class ZookeeperServer {
  readonly #process: ServerProcess;
  readonly #dataFolder: string;
  readonly #prepare: () => Promise<void>;
  readonly #dispose: () => Promise<void>;
  readonly host: string;
  readonly ports: ZookeeperPorts;
  /** `127.0.0.1:20123`; stays the same through {@link restart}. */
  readonly address: string;
  /** The address that speaks TLS and what a client needs there, when the server was started with `tls`. */
  readonly tls: (ZookeeperTls & { readonly address: string }) | undefined;

  constructor(parts: {
    process: ServerProcess;
    dataFolder: string;
    /** Makes the data folder of a server that has none. */
    prepare: () => Promise<void>;
    dispose: () => Promise<void>;
    host: string;
    ports: ZookeeperPorts;
    tls: ZookeeperTls | undefined;
  }) {
    this.#process = parts.process;
    this.#dataFolder = parts.dataFolder;
    this.#prepare = parts.prepare;
    this.#dispose = parts.dispose;
    this.host = parts.host;
    this.ports = parts.ports;
    this.address = `${parts.host}:${parts.ports.client}`;
    this.tls =
      parts.tls === undefined ? undefined : { ...parts.tls, address: `${parts.host}:${parts.ports.secure}` };
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Starts the process without waiting until it serves: an ensemble serves only together. */
  async launch(): Promise<void> {
    await this.#prepare();
    await this.#process.start();
  }

  /** Waits until it serves: alone, or as a member with a quorum. `imok` it would say without one. */
  async ready(timeoutMs = 30_000): Promise<this> {
    try {
      await until(`zookeeper at ${this.address} is ready`, timeoutMs, async () => {
        if (!this.#process.isRunning) throw new Error("the process ended");
        return this.mode();
      });
    } catch (error) {
      const log = await this.#process.logTail();
      throw new Error(`zookeeper at ${this.address} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** `leader`, `follower`, `standalone`; `undefined` while it does not serve. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)/m.exec(await this.ask("srvr"))?.[1];
  }

  /** What a four-letter word is answered with (`srvr`, `cons`, `wchs`). */
  async ask(word: string): Promise<string> {
    const socket = connect(this.ports.client, this.host);
    socket.setTimeout(5000, () => socket.destroy(new Error(`${word}: no answer`)));
    await once(socket, "connect");
    socket.write(word);
    return text(socket);
  }

  /** Freezes the server: connections stay open and nothing is answered. */
  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  /** Ends the server as a crash would (SIGKILL); {@link restart} brings it back. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Starts the server again on the same ports with its data, ending it first when it runs. */
  async restart(): Promise<this> {
    await this.#process.stop();
    await this.launch();
    return this.ready();
  }

  /** Ends the server, forgets its data, and starts it again on the same ports. */
  async restartEmpty(): Promise<this> {
    await this.#process.kill();
    await rm(this.#dataFolder, { recursive: true, force: true });
    await this.launch();
    return this.ready();
  }

  /** Ends the server for good and removes its files: there is nothing it would have to save. */
  async stop(): Promise<void> {
    await this.#process.kill();
    await this.#dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
