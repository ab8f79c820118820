import { DatabaseSync } from "node:sqlite";

import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** A kind of record that the tool writes. */
export type PowerDnsType = "A" | "AAAA" | "SRV" | "CNAME" | "TXT";

/** Where a server listens, and what it was made with. */
export interface PowerDnsParts {
  readonly process: ServerProcess;
  /** Makes the empty database anew; the server must not run. */
  readonly format: () => Promise<void>;
  readonly dispose: () => Promise<void>;
  readonly database: string;
  readonly host: string;
  readonly port: number;
  readonly apiPort: number;
  readonly apiKey: string;
  readonly zone: string;
}

/** An authoritative DNS server of this tool, with one zone. It keeps no cache: what is written is answered at once. */
export class PowerDns {
  readonly #parts: PowerDnsParts;
  readonly host: string;
  /** UDP and TCP; stays the same through {@link restart}. */
  readonly port: number;
  /** Without a dot at the end: `mesh.test`. */
  readonly zone: string;

  constructor(parts: PowerDnsParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.port = parts.port;
    this.zone = parts.zone;
  }

  /** `127.0.0.1:20053` */
  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#parts.process.pid;
  }

  get isRunning(): boolean {
    return this.#parts.process.isRunning;
  }

  /** Waits until the server answers and has its zone, which is made when it is not there. */
  async ready(timeoutMs = 20_000): Promise<this> {
    try {
      await until(`powerdns at ${this.address} is ready`, timeoutMs, async () => {
        // Nobody brings it back: waiting on would be for nothing.
        if (!this.isRunning) return "ended";
        const { status } = await this.#api("GET", `/${this.zone}.?rrsets=false`);
        return status === 200 || status === 404 || status === 422 ? "ready" : undefined;
      });
      if (!this.isRunning) throw new Error("the process ended");
      await this.#makeZone();
    } catch (error) {
      const log = await this.#parts.process.logTail();
      throw new Error(`powerdns at ${this.address} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /**
   * Makes these the records of a name; none removes them.
   * @param name inside the zone, without it: `orders`; `@` for the zone itself
   * @param contents as a zone file has them: `10.0.0.1`, `0 5 8080 a.mesh.test.`
   */
  put(name: string, type: PowerDnsType, contents: readonly string[], ttl = 1): Promise<void> {
    return this.putAll([{ name, type, contents }], ttl);
  }

  /** As {@link put} for each of many, all of them at the same moment. */
  async putAll(
    all: readonly { name: string; type: PowerDnsType; contents: readonly string[] }[],
    ttl = 1,
  ): Promise<void> {
    const rrsets = all.map(({ name, type, contents }) => ({
      name: name === "@" ? `${this.zone}.` : `${name}.${this.zone}.`,
      type,
      ttl,
      changetype: contents.length === 0 ? "DELETE" : "REPLACE",
      records: contents.map((content) => ({ content, disabled: false })),
    }));
    const answer = await this.#api("PATCH", `/${this.zone}.`, { rrsets });
    if (answer.status !== 204) {
      const what = rrsets.map(({ name, type }) => `${type} of ${name}`).slice(0, 3);
      throw new Error(`${what.join(", ")}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
    }
  }

  async remove(name: string, type: PowerDnsType): Promise<void> {
    await this.put(name, type, []);
  }

  /** Writes a record past the server's checks, straight into its database. One that it cannot read makes it answer SERVFAIL. */
  putRaw(name: string, type: PowerDnsType, content: string, ttl = 1): void {
    const database = new DatabaseSync(this.#parts.database, { timeout: 5000 });
    try {
      database
        .prepare(
          "INSERT INTO records (domain_id, name, type, content, ttl, disabled, auth) SELECT id, ?, ?, ?, ?, 0, 1 FROM domains",
        )
        .run(`${name}.${this.zone}`, type, content, ttl);
    } finally {
      database.close();
    }
  }

  /** Freezes the server: it takes queries and answers none. */
  pause(): Promise<void> {
    return this.#parts.process.pause();
  }

  resume(): void {
    this.#parts.process.resume();
  }

  /** Ends the server as a crash would (SIGKILL); {@link restart} brings it back. */
  kill(): Promise<void> {
    return this.#parts.process.kill();
  }

  /** Starts the server again on the same ports with the records it had, stopping it first when it runs. */
  async restart(): Promise<this> {
    await this.#parts.process.stop();
    await this.#parts.process.start();
    return this.ready();
  }

  /** Kills the server and brings it back without a record. */
  async restartEmpty(): Promise<this> {
    await this.kill();
    await this.#parts.format();
    await this.#parts.process.start();
    return this.ready();
  }

  /** Stops the server for good and removes its files. */
  async stop(): Promise<void> {
    // It has nothing to save that outlives its folder.
    await this.#parts.process.kill();
    await this.#parts.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #makeZone(): Promise<void> {
    const found = await this.#api("GET", `/${this.zone}.?rrsets=false`);
    if (found.status === 200) return;
    const name = `${this.zone}.`;
    const soa = `ns1.${name} admin.${name} 1 60 60 60 1`;
    const made = await this.#api("POST", "", {
      name,
      kind: "Native",
      rrsets: [
        { name, type: "SOA", ttl: 1, records: [{ content: soa, disabled: false }] },
        { name, type: "NS", ttl: 1, records: [{ content: `ns1.${name}`, disabled: false }] },
      ],
    });
    if (made.status !== 201) {
      throw new Error(`zone ${name}: ${made.status} ${(await made.text()).slice(0, 300)}`);
    }
  }

  #api(method: string, path: string, body?: object): Promise<Response> {
    const { host, apiPort, apiKey } = this.#parts;
    return fetch(`http://${host}:${apiPort}/api/v1/servers/localhost/zones${path}`, {
      method,
      headers: { "x-api-key": apiKey, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
  }
}
