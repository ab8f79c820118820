import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePorts } from "./ports.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

/** What every node gets; resources in the JSON of protobuf, by the names of its files. */
export interface XdsSnapshot {
  readonly version: string;
  readonly clusters: readonly object[];
  readonly endpoints: readonly object[];
}

/** What a client said. */
export interface XdsHeard {
  readonly stream: number;
  readonly node: string;
  readonly type: string;
  readonly names: readonly string[] | null;
  readonly version: string;
  readonly nonce: string;
  readonly error: string;
}

/** A control plane on Envoy's go-control-plane, as a process. It has no disk: what it served is gone when it restarts. */
export class XdsControlPlane {
  readonly #process: ServerProcess;
  readonly #folder: string;
  readonly port: number;
  readonly #httpPort: number;

  constructor(process: ServerProcess, folder: string, port: number, httpPort: number) {
    this.#process = process;
    this.#folder = folder;
    this.port = port;
    this.#httpPort = httpPort;
  }

  /** What a bootstrap's `server_uri` is. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  async ready(timeoutMs = 20_000): Promise<this> {
    try {
      await until(`xds at ${this.address} is ready`, timeoutMs, async () => {
        if (!this.#process.isRunning) throw new Error("the process ended");
        return this.heard();
      });
    } catch (error) {
      const log = await this.#process.logTail();
      throw new Error(`xds at ${this.address} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** Resolves when the server has taken it. */
  async serve(snapshot: XdsSnapshot): Promise<void> {
    await this.#request("PUT", "/snapshot", JSON.stringify(snapshot));
  }

  async heard(): Promise<readonly XdsHeard[]> {
    const heard: readonly XdsHeard[] = JSON.parse((await this.#request("GET", "/heard")).toString());
    return heard;
  }

  /** The bytes of a message of Envoy's API (`envoy.config.cluster.v3.Cluster`), as Go writes them. */
  encode(type: string, json: object): Promise<Buffer> {
    return this.#request("POST", `/encode?type=${type}`, JSON.stringify(json));
  }

  /** What Go reads from bytes, in the JSON of protobuf with the names of its files. */
  async decode(type: string, bytes: Uint8Array): Promise<unknown> {
    return JSON.parse((await this.#request("POST", `/decode?type=${type}`, bytes)).toString());
  }

  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  /** Ends it as a crash would (SIGKILL); {@link restart} brings it back, empty. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  async restart(): Promise<this> {
    await this.#process.stop();
    await this.#process.start();
    return this.ready();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
    release(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #request(method: string, path: string, body?: string | Uint8Array): Promise<Buffer> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const answer = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) {
      throw new Error(`${method} ${path}: ${response.status} ${answer.toString().slice(0, 300)}`);
    }
    return answer;
  }
}

/** Starts a control plane on free ports of 127.0.0.1 and waits until it is ready; compiles it if need be. */
export async function startXds(): Promise<XdsControlPlane> {
  const binary = await installServer("xds");
  return retried(async () => {
    const [port = 0, httpPort = 0] = await freePorts(2);
    const folder = await mkdtemp(join(tmpdir(), "proxyless-xds-"));
    guard(folder);
    const process = new ServerProcess({
      name: `xds 127.0.0.1:${port}`,
      binary,
      args: [`127.0.0.1:${port}`, `127.0.0.1:${httpPort}`],
      logFile: join(folder, "xds.log"),
    });
    const server = new XdsControlPlane(process, folder, port, httpPort);
    return startedOrStopped([server], async () => {
      await process.start();
      return server.ready();
    });
  });
}
