import { rm } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import type { EtcdClientTls } from "./etcd-tls.ts";
import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** What a member answered. */
export interface EtcdAnswer {
  readonly status: number;
  /** The body's JSON, or its text where it is none. */
  readonly body: unknown;
}

/** Where a member listens. */
export interface EtcdPorts {
  readonly client: number;
  readonly peer: number;
}

/** A member of etcd, of this tool. */
export class EtcdMember {
  readonly #process: ServerProcess;
  readonly #dataFolder: string;
  readonly #isForgetful: boolean;
  readonly #dispose: () => Promise<void>;
  /** Writes come one after the other, and a connection for each would be most of the time they take. */
  readonly #agent: HttpAgent | HttpsAgent;
  #token: string | undefined;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:20123`, or `https://…` with `tls`; stays the same through {@link restart}. */
  readonly url: string;
  /** Certificates for clients, when it was started with `tls`. */
  readonly tls: EtcdClientTls | undefined;
  /** The user that may do everything, when it was started with `auth`. */
  root: { readonly username: string; readonly password: string } | undefined;
  readonly version: string;

  constructor(parts: {
    process: ServerProcess;
    dispose: () => Promise<void>;
    dataFolder: string;
    isForgetful: boolean;
    name: string;
    host: string;
    ports: EtcdPorts;
    tls: EtcdClientTls | undefined;
    version: string;
  }) {
    this.#process = parts.process;
    this.#dispose = parts.dispose;
    const { tls } = parts;
    this.#agent =
      tls === undefined
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({ keepAlive: true, ca: tls.ca, cert: tls.cert, key: tls.key });
    this.#dataFolder = parts.dataFolder;
    this.#isForgetful = parts.isForgetful;
    this.name = parts.name;
    this.host = parts.host;
    this.port = parts.ports.client;
    this.tls = parts.tls;
    this.url = `${parts.tls === undefined ? "http" : "https"}://${parts.host}:${parts.ports.client}`;
    this.version = parts.version;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Waits until the member knows a leader and reads with a quorum. */
  async ready(timeoutMs = 20_000): Promise<this> {
    try {
      await until(`etcd at ${this.url} is ready`, timeoutMs, async () => {
        if (!this.#process.isRunning) throw new Error("the process ended");
        const { status, body } = await this.request("/v3/maintenance/status", {}, 2000);
        return status === 200 && textField(body, "leader") !== undefined ? true : undefined;
      });
    } catch (error) {
      const log = await this.#process.logTail();
      throw new Error(`etcd at ${this.url} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** The member ids: its own, and that of the leader it knows. */
  async standing(): Promise<{ readonly self: string | undefined; readonly leader: string | undefined }> {
    const { body } = await this.request("/v3/maintenance/status", {}, 2000);
    const header = isRecord(body) ? body["header"] : undefined;
    return { self: textField(header, "member_id"), leader: textField(body, "leader") };
  }

  /** One post to the JSON gateway, as root where there is access control. */
  async request(path: string, body: object, timeoutMs = 15_000): Promise<EtcdAnswer> {
    const answer = await this.#post(path, body, this.#token, timeoutMs);
    if (this.root === undefined || ![400, 401, 403].includes(answer.status)) return answer;
    const { username, password } = this.root;
    const login = await this.#post(
      "/v3/auth/authenticate",
      { name: username, password },
      undefined,
      timeoutMs,
    );
    this.#token = textField(login.body, "token");
    return this.#token === undefined ? answer : this.#post(path, body, this.#token, timeoutMs);
  }

  /** As {@link request}; throws unless the answer is 200. */
  async call(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const { status, body: answer } = await this.request(path, body);
    if (status === 200 && isRecord(answer)) return answer;
    throw new Error(`${path} at ${this.url}: ${status} ${JSON.stringify(answer).slice(0, 200)}`);
  }

  /** Writes a key, with a lease where one is given. @returns the revision */
  async put(key: string | Uint8Array, value: string | Uint8Array, lease?: string): Promise<number> {
    const answer = await this.call("/v3/kv/put", { key: base64(key), value: base64(value), lease });
    return revisionOf(answer);
  }

  /** Deletes a key, or with `prefix` all that begin with it. @returns the revision */
  async delete(key: string, prefix = false): Promise<number> {
    return revisionOf(
      await this.call("/v3/kv/deleterange", {
        key: base64(key),
        ...(prefix ? { range_end: afterPrefix(key) } : {}),
      }),
    );
  }

  /** What the keys that begin with `prefix` hold, as text. */
  async list(prefix: string): Promise<ReadonlyMap<string, string>> {
    const range = { key: base64(prefix), range_end: afterPrefix(prefix) };
    const { kvs } = await this.call("/v3/kv/range", range);
    const found = new Map<string, string>();
    for (const kv of Array.isArray(kvs) ? kvs : []) {
      found.set(fromBase64(textField(kv, "key")), fromBase64(textField(kv, "value")));
    }
    return found;
  }

  /** The lease that a key hangs on; `undefined` without one. */
  async leaseOf(key: string): Promise<string | undefined> {
    const { kvs } = await this.call("/v3/kv/range", { key: base64(key) });
    return textField(Array.isArray(kvs) ? kvs[0] : undefined, "lease");
  }

  /** Whether a lease has not ended. */
  async leaseIsAlive(id: string | undefined): Promise<boolean> {
    const left = textField(await this.call("/v3/lease/timetolive", { ID: id }), "TTL");
    return left !== undefined && Number(left) >= 0;
  }

  /** Makes a lease. @returns its id */
  async grant(ttlSeconds: number): Promise<string> {
    const id = textField(await this.call("/v3/lease/grant", { TTL: ttlSeconds }), "ID");
    if (id === undefined) throw new Error("no ID in the answer to a lease");
    return id;
  }

  /** Forgets the history up to `revision`. */
  async compact(revision: number): Promise<void> {
    await this.call("/v3/kv/compaction", { revision, physical: true });
  }

  /** Makes a user who may do `permission` with the keys below `prefix`. */
  async addUser(
    name: string,
    password: string,
    prefix: string,
    permission: "READ" | "WRITE" | "READWRITE",
  ): Promise<void> {
    await this.call("/v3/auth/role/add", { name });
    await this.call("/v3/auth/role/grant", {
      name,
      perm: { permType: permission, key: base64(prefix), range_end: afterPrefix(prefix) },
    });
    await this.call("/v3/auth/user/add", { name, password });
    await this.call("/v3/auth/user/grant", { user: name, role: name });
  }

  /** Freezes the member: connections stay open and nothing is answered. */
  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  /** Ends the member as a crash would (SIGKILL); {@link restart} brings it back. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Stops the member (SIGTERM) but keeps its data and ports; {@link restart} brings it back. */
  halt(): Promise<void> {
    return this.#process.stop();
  }

  /** Starts it again on the same ports, stopping it first when it runs; one without a disk starts empty. */
  async restart(): Promise<this> {
    if (this.#isForgetful) return this.restartEmpty();
    await this.#process.stop();
    await this.#process.start();
    return this.ready();
  }

  /** As {@link restart}, without any of its data. Only for a member that is alone. */
  async restartEmpty(): Promise<this> {
    await this.#process.stop();
    await rm(this.#dataFolder, { recursive: true, force: true });
    this.#token = undefined;
    this.root = undefined;
    await this.#process.start();
    return this.ready();
  }

  /** Starts it again without waiting for a leader, who may need the others to come back. */
  async restartOnly(): Promise<void> {
    await this.#process.stop();
    await this.#process.start();
  }

  /** Stops it for good and removes its files. */
  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#process.stop();
    await this.#dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #post(path: string, body: object, token: string | undefined, timeoutMs: number): Promise<EtcdAnswer> {
    const text = JSON.stringify(body);
    const options = {
      host: this.host,
      port: this.port,
      path,
      method: "POST",
      agent: this.#agent,
      headers: {
        "content-length": Buffer.byteLength(text),
        ...(token === undefined ? {} : { authorization: token }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    };
    return new Promise((resolve, reject) => {
      const outgoing = this.tls === undefined ? httpRequest(options) : httpsRequest(options);
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          resolve({ status: incoming.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString("utf8")) });
        });
      });
      outgoing.end(text);
    });
  }
}

function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString("base64");
}

function fromBase64(content: string | undefined): string {
  return Buffer.from(content ?? "", "base64").toString("utf8");
}

/** The first key after all that begin with `prefix`. */
function afterPrefix(prefix: string): string {
  const end = Buffer.from(prefix, "utf8");
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return base64(end);
}

function revisionOf(answer: Readonly<Record<string, unknown>>): number {
  return Number(textField(answer["header"], "revision"));
}

function textField(value: unknown, field: string): string | undefined {
  const found = isRecord(value) ? value[field] : undefined;
  return typeof found === "string" && found !== "" ? found : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
