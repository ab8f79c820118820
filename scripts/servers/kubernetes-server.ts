import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";

import type { EtcdMember } from "./etcd-member.ts";
import { kubeTokens } from "./kubernetes-config.ts";
import type { KubeTokens } from "./kubernetes-config.ts";
import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** What an API server answered. */
export interface KubeAnswer {
  readonly status: number;
  readonly body: string;
}

/** What an API server is made of. */
export interface KubeServerParts {
  readonly process: ServerProcess;
  /** Where it keeps its certificate. */
  readonly folder: string;
  readonly port: number;
  readonly etcd: EtcdMember;
  readonly apiVersion: "v1" | "v1beta1";
  /** The path that answers 200 once it serves. */
  readonly readyPath: string;
  /** Makes what a server without any object lacks. */
  readonly setUp: (server: KubeServer) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

/** A Kubernetes API server of this tool, and the etcd that it keeps its objects in. */
export class KubeServer implements AsyncDisposable {
  readonly #parts: KubeServerParts;
  readonly host: string = "127.0.0.1";
  readonly port: number;
  /** `https://127.0.0.1:20443`; stays the same through {@link restart}. */
  readonly url: string;
  readonly etcd: EtcdMember;
  readonly tokens: KubeTokens = kubeTokens;
  /** The version of the API group that it serves EndpointSlices in. */
  readonly apiVersion: "v1" | "v1beta1";
  #ca: string | undefined;

  constructor(parts: KubeServerParts) {
    this.#parts = parts;
    this.port = parts.port;
    this.url = `https://${this.host}:${parts.port}`;
    this.etcd = parts.etcd;
    this.apiVersion = parts.apiVersion;
  }

  /** PEM of the authority that vouches for the server: it makes its own at its first start. */
  get ca(): string {
    if (this.#ca === undefined) throw new Error("the server is not ready yet");
    return this.#ca;
  }

  /** The file with the same. */
  get caFile(): string {
    return join(this.#parts.folder, "pki", "apiserver.crt");
  }

  get pid(): number | undefined {
    return this.#parts.process.pid;
  }

  /** Waits until it serves. */
  async ready(timeoutMs = 60_000): Promise<this> {
    const { process, readyPath } = this.#parts;
    try {
      await until(`the API server at ${this.url} is ready`, timeoutMs, async () => {
        if (!process.isRunning) throw new Error("the process ended");
        this.#ca ??= await readFile(this.caFile, "utf8");
        const answer = await this.request("GET", readyPath);
        return answer.status === 200 ? true : undefined;
      });
    } catch (error) {
      const log = await process.logTail();
      throw new Error(`the API server at ${this.url} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** One request with the token of the administrator. */
  request(method: string, path: string, body?: object): Promise<KubeAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${this.url}${path}`,
        {
          method,
          ca: this.ca,
          agent: false,
          timeout: 10_000,
          headers: {
            authorization: `Bearer ${this.tokens.admin}`,
            ...(text === undefined ? {} : { "content-type": "application/json" }),
          },
        },
        (incoming) => {
          let answer = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (chunk: string) => {
            answer += chunk;
          });
          incoming.on("error", reject);
          incoming.on("end", () => {
            resolve({ status: incoming.statusCode ?? 0, body: answer });
          });
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${path}: no answer`)));
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }

  /** Creates an object; fine if it is there already. */
  async create(path: string, body: object): Promise<void> {
    const { status, body: said } = await this.request("POST", path, body);
    if (![200, 201, 409].includes(status)) throw new Error(`POST ${path}: ${status} ${said.slice(0, 300)}`);
  }

  /** Ends it as a crash would (SIGKILL); its etcd stays. */
  kill(): Promise<void> {
    return this.#parts.process.kill();
  }

  /** Starts it again on the same port. */
  async restart(): Promise<this> {
    await this.#parts.process.kill();
    await this.#parts.process.start();
    return this.ready();
  }

  /** Ends it and its etcd, and brings both back without an object that somebody wrote. */
  async restartEmpty(): Promise<this> {
    await this.#parts.process.kill();
    await this.etcd.restartEmpty();
    await this.#parts.process.start();
    await this.ready();
    await this.setUp();
    return this;
  }

  /** Makes what a server without any object lacks: rights, and the kind of object that it serves. */
  setUp(): Promise<void> {
    return this.#parts.setUp(this);
  }

  pause(): Promise<void> {
    return this.#parts.process.pause();
  }

  resume(): void {
    this.#parts.process.resume();
  }

  /** Ends it and its etcd for good and removes their files. An open watch would make it take a minute to end by itself. */
  async stop(): Promise<void> {
    await this.#parts.process.kill();
    await this.etcd.stop();
    await this.#parts.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
