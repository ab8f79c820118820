import type { ConsulClientTls, ConsulPorts } from "./consul-config.ts";
import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** What an agent answered. */
export interface ConsulAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body's JSON, or its text where it is none. */
  readonly body: unknown;
}

/** A Consul agent of this tool. */
export class ConsulAgent {
  readonly #process: ServerProcess;
  readonly #dispose: () => Promise<void>;
  readonly #wipe: () => Promise<void>;
  readonly host: string;
  readonly ports: ConsulPorts;
  /** `http://127.0.0.1:20123`; stays the same through {@link restart}. */
  readonly url: string;
  /** The HTTPS address and its client certificate, when the agent was started with `tls`. */
  readonly tls: (ConsulClientTls & { readonly url: string }) | undefined;
  /** The token that may do everything, when the agent was started with `acl`. */
  readonly token: string | undefined;
  readonly version: string;

  constructor(parts: {
    process: ServerProcess;
    dispose: () => Promise<void>;
    wipe: () => Promise<void>;
    host: string;
    ports: ConsulPorts;
    tls: ConsulClientTls | undefined;
    token: string | undefined;
    version: string;
  }) {
    this.#process = parts.process;
    this.#dispose = parts.dispose;
    this.#wipe = parts.wipe;
    this.host = parts.host;
    this.ports = parts.ports;
    this.url = `http://${parts.host}:${parts.ports.http}`;
    this.tls =
      parts.tls === undefined
        ? undefined
        : { ...parts.tls, url: `https://${parts.host}:${parts.ports.https}` };
    this.token = parts.token;
    this.version = parts.version;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Waits until there is a leader and the catalog answers. */
  async ready(timeoutMs = 20_000): Promise<this> {
    try {
      await until(`consul at ${this.url} is ready`, timeoutMs, async () => {
        if (!this.#process.isRunning) throw new Error("the process ended");
        const leader = await this.request("GET", "/v1/status/leader");
        if (leader.status !== 200 || leader.body === "") return undefined;
        const self = await this.request("GET", "/v1/health/service/consul?passing");
        return Array.isArray(self.body) && self.body.length > 0 ? self : undefined;
      });
    } catch (error) {
      const log = await this.#process.logTail();
      throw new Error(`consul at ${this.url} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** One request to the agent's HTTP API, with the all-powerful token where there is one. */
  async request(method: string, path: string, body?: unknown, token?: string): Promise<ConsulAnswer> {
    const secret = token ?? this.token;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: secret === undefined || secret === "" ? {} : { "x-consul-token": secret },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) };
  }

  /** As {@link request}; throws unless the agent says 200. */
  async call(method: string, path: string, body?: unknown, token?: string): Promise<unknown> {
    const answer = await this.request(method, path, body, token);
    if (answer.status !== 200) {
      throw new Error(
        `${method} ${path} at ${this.url}: ${answer.status} ${String(answer.body).slice(0, 200)}`,
      );
    }
    return answer.body;
  }

  /** Makes a token with the given ACL rules and returns its secret. */
  async createToken(name: string, rules: string): Promise<string> {
    await this.call("PUT", "/v1/acl/policy", { Name: name, Rules: rules });
    const made = await this.call("PUT", "/v1/acl/token", { Policies: [{ Name: name }] });
    if (typeof made !== "object" || made === null || !("SecretID" in made))
      throw new Error("no SecretID in the answer");
    return String(made.SecretID);
  }

  /** Freezes the agent: connections stay open and nothing is answered. */
  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  /** Ends the agent as a crash would (SIGKILL); {@link restart} brings it back. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Stops the agent (SIGTERM) but keeps its data and ports; {@link restart} brings it back. */
  halt(): Promise<void> {
    return this.#process.stop();
  }

  /** Starts the agent again on the same ports, stopping it first when it runs. An agent without a disk starts empty. */
  async restart(): Promise<this> {
    await this.#process.stop();
    await this.#process.start();
    return this.ready();
  }

  /** As {@link restart}, but without anything that it remembered. */
  async restartEmpty(): Promise<this> {
    await this.#process.kill();
    await this.#wipe();
    return this.restart();
  }

  /** Stops the agent for good and removes its files. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
