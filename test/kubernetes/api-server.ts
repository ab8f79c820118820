import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";

import { answer, fail, jsonOf, makeToken, readToken, statusJson } from "./api-answers.ts";
import { BadRequest, readRequest } from "./api-request.ts";
import type { ListRequest } from "./api-request.ts";
import { SliceHistory } from "./slice-history.ts";
import type { Stored } from "./slice-history.ts";
import { SliceWatcher } from "./slice-watcher.ts";
import type { SliceJson } from "./slices.ts";

/** What somebody with a token may do. */
export type Verb = "list" | "watch" | "write";

export interface ApiServerOptions {
  /** Default: v1 alone. */
  readonly versions?: readonly string[];
  /** By token; without any, everybody may do everything. */
  readonly tokens?: ReadonlyMap<string, readonly Verb[]>;
  /** Whether watches may begin with everything there is. Default: true. */
  readonly streamsLists?: boolean;
  /** Milliseconds between bookmarks. Default: 60,000. */
  readonly bookmarkMs?: number;
  /** PEM of the server's own certificate and key, and of the authority of its clients. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
}

/** One request that was served. */
export interface Served {
  readonly method: string;
  readonly url: URL;
  readonly token: string | undefined;
}

/** Answers one request in its own way; `false` lets the server answer as usual. */
export type Script = (served: Served, response: ServerResponse) => boolean;

/**
 * The part of a Kubernetes API server that serves EndpointSlices, on a port of loopback: list in pages, watch with
 * bookmarks, history that can be compacted, tokens and rights. It refuses every request that is not exactly right, and
 * remembers that it had to.
 */
export class ApiServer {
  readonly history: SliceHistory = new SliceHistory();
  readonly served: Served[] = [];
  /** Requests that a client must not make. */
  readonly violations: string[] = [];
  tokens: ReadonlyMap<string, readonly Verb[]>;
  versions: readonly string[];
  streamsLists: boolean;
  bookmarkMs: number;
  /** Sees every request first. */
  script: Script | undefined;
  #options: ApiServerOptions;
  readonly #watchers = new Set<SliceWatcher>();
  #server: Server | undefined;
  #port = 0;
  #paused: PromiseWithResolvers<void> | undefined;

  private constructor(options: ApiServerOptions) {
    this.#options = options;
    this.tokens = options.tokens ?? new Map();
    this.versions = options.versions ?? ["v1"];
    this.streamsLists = options.streamsLists ?? true;
    this.bookmarkMs = options.bookmarkMs ?? 60_000;
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const server = new ApiServer(options);
    await server.restart();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${this.#port}`;
  }

  /** Watches that are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  /** How often lists and watches were asked for. */
  count(verb: "list" | "watch"): number {
    return this.served.filter(
      ({ method, url }) =>
        method === "GET" && (url.searchParams.get("watch") === "true") === (verb === "watch"),
    ).length;
  }

  put(slice: SliceJson, namespace = "default"): void {
    this.history.write(namespace, slice.metadata.name, slice);
  }

  remove(name: string, namespace = "default"): void {
    this.history.write(namespace, name, undefined);
  }

  /** Ends every watch as the server does when their time is up. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  /** Sends every watch a line of its own. */
  say(line: string): void {
    for (const watcher of this.#watchers) watcher.write(line);
  }

  /** Sends every watch some bytes one by one. */
  sayInPieces(bytes: Buffer): void {
    for (const watcher of this.#watchers) watcher.writeInPieces(bytes);
  }

  /** Breaks the connections of every watch. */
  breakWatches(): void {
    for (const watcher of this.#watchers) watcher.break();
  }

  /** As a crash does: every connection breaks, and nobody answers. What is stored stays. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const watcher of this.#watchers) watcher.close();
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  /** Listens, on the same port as before. */
  async restart(): Promise<void> {
    if (this.#server !== undefined) return;
    const { tls } = this.#options;
    const server =
      tls === undefined
        ? createServer()
        : createSecureServer({
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientCa === undefined
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          });
    server.on("request", (request, response) => {
      void this.#serve(request, response);
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
    this.#server = server;
  }

  /** Comes back with another certificate. */
  async renewCertificate(tls: NonNullable<ApiServerOptions["tls"]>): Promise<void> {
    await this.kill();
    this.#options = { ...this.#options, tls };
    await this.restart();
  }

  /** Keeps every connection open and says nothing any more. */
  pause(): void {
    this.#paused ??= Promise.withResolvers();
    for (const watcher of this.#watchers) watcher.hold();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
    for (const watcher of this.#watchers) watcher.release();
  }

  /** Ends it; rejects when it was asked what a client must not ask. */
  async stop(): Promise<void> {
    this.resume();
    await this.kill();
    if (this.violations.length > 0) throw new Error(`forbidden requests: ${this.violations.join("; ")}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    try {
      for await (const chunk of request) body += String(chunk);
    } catch {
      // Whoever asked is gone.
      return;
    }
    await this.#paused?.promise;
    if (response.destroyed) return;
    const url = new URL(request.url ?? "/", "http://server");
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const served = { method: request.method ?? "", url, token };
    this.served.push(served);
    if (this.script?.(served, response) === true) return;
    try {
      const asked = readRequest(url);
      this.#authorize(served, asked);
      if (served.method !== "GET") this.#write(served.method, asked, body, response);
      else if (asked.name !== undefined) this.#read(asked, response);
      else if (asked.watch) this.#watch(asked, response);
      else this.#list(asked, response);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      if ([400, 422].includes(error.status))
        this.violations.push(`${served.method} ${url.href}: ${error.message}`);
      fail(response, error.status, error.message);
    }
  }

  #authorize({ method, token }: Served, { version, watch, namespace }: ListRequest): void {
    if (this.tokens.size > 0) {
      const verb = method === "GET" ? (watch ? "watch" : "list") : "write";
      const rights = token === undefined ? undefined : this.tokens.get(token);
      if (rights === undefined) throw new BadRequest(401, "Unauthorized");
      if (!rights.includes(verb)) {
        const what = `cannot ${verb} resource "endpointslices" in API group "discovery.k8s.io" in the namespace "${namespace}"`;
        throw new BadRequest(403, `endpointslices.discovery.k8s.io is forbidden: User "test" ${what}`);
      }
    }
    if (!this.versions.includes(version)) {
      throw new BadRequest(404, "the server could not find the requested resource");
    }
  }

  #write(
    method: string,
    { namespace, name, version }: ListRequest,
    body: string,
    response: ServerResponse,
  ): void {
    const slice: SliceJson | undefined = body === "" ? undefined : JSON.parse(body);
    const target = name ?? slice?.metadata.name ?? "";
    const before = this.history.get(namespace, target);
    if (method === "POST" && before !== undefined) {
      throw new BadRequest(409, `endpointslices "${target}" already exists`);
    }
    if (method !== "POST" && before === undefined) {
      throw new BadRequest(404, `endpointslices "${target}" not found`);
    }
    this.history.write(namespace, target, method === "DELETE" ? undefined : slice);
    const after = this.history.get(namespace, target);
    if (after === undefined) answer(response, 200, { kind: "Status", status: "Success" });
    else answer(response, method === "POST" ? 201 : 200, jsonOf(after, version, true));
  }

  #read({ namespace, name = "", version }: ListRequest, response: ServerResponse): void {
    const found = this.history.get(namespace, name);
    if (found === undefined) throw new BadRequest(404, `endpointslices "${name}" not found`);
    answer(response, 200, jsonOf(found, version, true));
  }

  #list(asked: ListRequest, response: ServerResponse): void {
    const { history } = this;
    const [at = history.revision, after = ""] =
      asked.continueFrom === undefined ? [this.#readable(asked)] : readToken(asked.continueFrom);
    if (at < history.compacted && asked.continueFrom !== undefined) {
      throw new BadRequest(
        410,
        "The provided continue parameter is too old to display a consistent list result.",
      );
    }
    const all = this.#matching(asked, at).filter(({ metadata }) => metadata.name > after);
    const page = asked.limit === undefined ? all : all.slice(0, asked.limit);
    const last = page.at(-1)?.metadata.name ?? "";
    answer(response, 200, {
      kind: "EndpointSliceList",
      apiVersion: `discovery.k8s.io/${asked.version}`,
      metadata: {
        resourceVersion: String(at),
        ...(page.length < all.length
          ? { continue: makeToken(at, last), remainingItemCount: all.length - page.length }
          : {}),
      },
      items: page.map((slice) => jsonOf(slice, asked.version, false)),
    });
  }

  #watch(asked: ListRequest, response: ServerResponse): void {
    if (asked.sendInitialEvents && !this.streamsLists) {
      return fail(
        response,
        422,
        "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
      );
    }
    const from = this.#readable(asked);
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    if (
      asked.resourceVersion !== undefined &&
      Number(asked.resourceVersion) < this.history.compacted &&
      !asked.sendInitialEvents
    ) {
      const status = statusJson(
        410,
        `too old resource version: ${asked.resourceVersion} (${this.history.compacted})`,
      );
      response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
      return undefined;
    }
    const watcher = new SliceWatcher({
      asked,
      response,
      history: this.history,
      bookmarkMs: this.bookmarkMs,
      from,
      render: (slice) => jsonOf(slice, asked.version, true),
      initial: asked.sendInitialEvents ? this.#matching(asked, from) : undefined,
      onEnd: () => {
        this.#watchers.delete(watcher);
      },
    });
    this.#watchers.add(watcher);
    if (this.#paused !== undefined) watcher.hold();
    return undefined;
  }

  #matching({ namespace, matches }: ListRequest, at: number): readonly Stored[] {
    return this.history
      .at(at)
      .filter((slice) => slice.namespace === namespace && matches(slice.metadata.labels));
  }

  /** The revision an answer is of. */
  #readable({ resourceVersion, watch, sendInitialEvents }: ListRequest): number {
    const { revision } = this.history;
    if (resourceVersion === undefined) return revision;
    if (Number(resourceVersion) > revision) {
      throw new BadRequest(
        504,
        `Timeout: Too large resource version: ${resourceVersion}, current: ${revision}`,
      );
    }
    return watch && !sendInitialEvents ? Number(resourceVersion) : revision;
  }
}
