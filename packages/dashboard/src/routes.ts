import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { ProxylessError } from "@proxyless/core";
import type { CircuitMode } from "@proxyless/core";

import type { Access } from "./access.ts";
import { isAllowedHost } from "./hosts.ts";
import type { HystrixStreams } from "./hystrix-stream.ts";
import type { ResolvedOptions } from "./options.ts";
import { pageFile } from "./page-file.ts";
import type { PageStreams } from "./page-stream.ts";

/** What circuits can be told. */
const circuitModes: readonly CircuitMode[] = ["auto", "forced-open", "forced-closed", "metrics-only"];

interface Streams {
  readonly page: PageStreams;
  readonly hystrix: HystrixStreams;
}

/** Requests for the page, and what they are answered. No body is read: whatever parsed it before is no matter. */
export class Routes {
  readonly #options: ResolvedOptions;
  readonly #access: Access;
  readonly #streams: Streams;
  #isClosed = false;

  constructor(options: ResolvedOptions, access: Access, streams: Streams) {
    this.#options = options;
    this.#access = access;
    this.#streams = streams;
  }

  get watchers(): number {
    return this.#streams.page.size + this.#streams.hystrix.size;
  }

  /** @returns whether the request was for the page */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { path } = this.#options;
    const target = targetOf(request);
    const [pathname = ""] = target.split("?", 1);
    if (pathname !== path && !pathname.startsWith(`${path}/`)) return false;
    const refusal = this.#refusalOf(request, pathname);
    if (refusal !== undefined) answer(response, ...refusal);
    else if (pathname === path) {
      // Relative, so that it is right under whatever path a proxy shows the page.
      const last = path.slice(path.lastIndexOf("/") + 1);
      response.writeHead(308, { location: `${last}/`, "content-length": "0" }).end();
    } else this.#route(request, response, pathname.slice(path.length + 1), target);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#streams.page.close();
    this.#streams.hystrix.close();
  }

  /** Why a request is answered by nothing of ours. */
  #refusalOf({ headers }: IncomingMessage, pathname: string): readonly [number, string] | undefined {
    if (this.#isClosed) return [503, "closed"];
    const authority = headers[":authority"];
    const host = headers.host ?? (typeof authority === "string" ? authority : undefined);
    if (!isAllowedHost(host, this.#options.allowedHosts)) {
      return [403, "this host name is not in the option allowedHosts"];
    }
    // Another site may link to the page. It may not have its visitors' browsers open streams, or operate anything.
    const site = headers["sec-fetch-site"];
    const isForeign = site !== undefined && site !== "same-origin" && site !== "none";
    const isPage = pathname === this.#options.path || pathname === `${this.#options.path}/`;
    return isForeign && !isPage ? [403, "asked for by another site"] : undefined;
  }

  #route(request: IncomingMessage, response: ServerResponse, name: string, target: string): void {
    const key = `${request.method === "HEAD" ? "GET" : request.method} ${name}`;
    switch (key) {
      case "GET ":
        sendPage(request, response);
        break;
      case "GET session":
        this.#sendSession(request, response);
        break;
      case "POST login":
        this.#signIn(request, response);
        break;
      case "POST logout":
        response.setHeader("set-cookie", this.#access.signOut(isEncrypted(request)));
        answer(response, 204);
        break;
      case "GET events":
        this.#openStream(request, response, () => {
          const mayOperate = !this.#access.isOpen && !("feed" in this.#options.mesh);
          this.#streams.page.open(response, { title: this.#options.title, mayOperate });
        });
        break;
      case "GET hystrix.stream":
        this.#openStream(request, response, () => {
          this.#streams.hystrix.open(response);
        });
        break;
      case "POST circuit":
        this.#operate(request, response, target);
        break;
      default:
        answer(response, 404, "there is nothing here");
    }
  }

  #sendSession(request: IncomingMessage, response: ServerResponse): void {
    const isSignedIn = this.#access.isOpen || this.#access.isKnown(request);
    const body = JSON.stringify({ needsToken: !this.#access.isOpen, isSignedIn });
    response.writeHead(200, { ...plainHeaders, "content-type": "application/json" }).end(body);
  }

  #signIn(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#access.hasToken(request)) {
      // No challenge: browsers would ask by themselves, and send what they were told without asking again.
      answer(response, 403, "not the token");
      return;
    }
    response.setHeader("set-cookie", this.#access.signIn(isEncrypted(request)));
    answer(response, 204);
  }

  #openStream(request: IncomingMessage, response: ServerResponse, open: () => void): void {
    if (request.method === "HEAD") answer(response, 405, "GET only");
    else if (!this.#access.isOpen && !this.#access.isKnown(request))
      answer(response, 401, "a token is needed");
    else if (this.watchers >= this.#options.maxWatchers) {
      answer(response, 503, `${this.#options.maxWatchers} watch already`);
    } else open();
  }

  #operate(request: IncomingMessage, response: ServerResponse, target: string): void {
    const [status, text] = this.#operated(request, new URL(target, "http://page").searchParams);
    answer(response, status, text);
  }

  #operated(request: IncomingMessage, query: URLSearchParams): readonly [status: number, text: string] {
    if (this.#access.isOpen) return [403, "read-only without a token"];
    if (!this.#access.isKnown(request)) return [401, "a token is needed"];
    // A form of another site cannot send this header.
    if (request.headers["x-requested-with"] === undefined)
      return [403, "the header x-requested-with is missing"];
    const { mesh } = this.#options;
    if ("feed" in mesh) return [409, "these are several meshes"];
    const service = query.get("service");
    const mode = circuitModes.find((each) => each === query.get("mode"));
    if (mode === undefined) return [400, `the mode must be one of ${circuitModes.join(", ")}`];
    if (service === null || !mesh.inspect().services.some((each) => each.service === service))
      return [404, "there is no such service"];
    try {
      mesh.circuit(service, query.get("route") ?? undefined).setMode(mode);
      return [204, ""];
    } catch (error) {
      if (error instanceof ProxylessError) return [409, error.message];
      throw error;
    }
  }
}

const plainHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function sendPage(request: IncomingMessage, response: ServerResponse): void {
  const { headers, html } = pageFile();
  response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : html);
}

function answer(response: ServerResponse, status: number, text = ""): void {
  const headers = { ...plainHeaders, "content-type": "text/plain; charset=utf-8" };
  if (status === 204) response.writeHead(status, plainHeaders).end();
  else response.writeHead(status, headers).end(`${text}\n`);
}

/** Express shortens `url` under a mount path, and keeps what came. */
function targetOf(request: IncomingMessage & { readonly originalUrl?: unknown }): string {
  const { originalUrl, url = "" } = request;
  return typeof originalUrl === "string" ? originalUrl : url;
}

function isEncrypted({ headers, socket }: IncomingMessage): boolean {
  const { encrypted }: Socket & { readonly encrypted?: boolean } = socket;
  return encrypted === true || headers["x-forwarded-proto"] === "https";
}
