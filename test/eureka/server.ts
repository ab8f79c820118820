import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import { StandInServer } from "../discovery/support/stand-in-server.ts";
import { LeaseRegistry } from "./lease-registry.ts";
import { Refusal } from "./refusal.ts";
import { readRegistration, readStatus, renderApp, renderApps, renderInstance } from "./wire.ts";
import type { WireStyle } from "./wire.ts";

export interface EurekaServerOptions {
  /** The path its API stands under. Default: `/eureka`, as with Spring Cloud; Netflix's own has `/eureka/v2`. */
  readonly path?: string;
  readonly style?: WireStyle;
  /** How long answers come out of a cache, in milliseconds; 0 by default, 30,000 in the real one. */
  readonly cacheMs?: number;
  /** Who may ask, `user:password`; anyone by default. */
  readonly user?: string;
  /** A header that every request must have, as Polaris wants its `x-namespace`. */
  readonly header?: readonly [name: string, value: string];
  /** Whether it tells changes at all. Default: `true`. */
  readonly delta?: boolean;
  /** Time, in milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
}

const json = { "content-type": "application/json" };

/** A Eureka server of one process, written after the protocol's documentation. It checks every request. */
export class EurekaServer extends StandInServer {
  readonly #options: EurekaServerOptions;
  readonly #now: () => number;
  readonly #cache = new Map<string, { readonly until: number; readonly answer: Answer }>();
  registry: LeaseRegistry;
  /** It has just started and not heard of its peers yet: nobody may read. */
  isSyncing = false;

  private constructor(options: EurekaServerOptions) {
    super();
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.registry = new LeaseRegistry(this.#now);
  }

  static async start(options: EurekaServerOptions = {}): Promise<EurekaServer> {
    const made = new EurekaServer(options);
    await made.restart();
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}${this.#options.path ?? "/eureka"}`;
  }

  /** Registers an instance without a request; its lease has to be looked after by whoever lets the server evict. */
  put(service: string, id: string, host: string, port: number): void {
    const app = service.toUpperCase();
    const instance = {
      instanceId: id,
      app,
      hostName: host,
      ipAddr: host,
      status: "UP",
      port: { $: port, "@enabled": "true" },
      vipAddress: service,
      dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
    };
    this.registry.register(readRegistration(JSON.stringify({ instance }), app));
  }

  override async restart(): Promise<void> {
    this.#cache.clear();
    await super.restart();
  }

  protected forget(): void {
    this.registry = new LeaseRegistry(this.#now);
  }

  protected serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    try {
      this.#send(request, response, this.#answer(request, body));
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      this.complaints.push(`${request.method} ${request.url}: ${status} ${String(error)}`);
      response.writeHead(status, json).end(JSON.stringify({ status, error: String(error) }));
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
    const isPackable = /\/apps(\/delta)?$/.test(request.url ?? "");
    const isPacked = isPackable && String(request.headers["accept-encoding"]).includes("gzip");
    if (body === undefined) response.writeHead(status).end();
    else if (isPacked)
      response.writeHead(status, { ...json, "content-encoding": "gzip" }).end(gzipSync(body));
    else response.writeHead(status, json).end(body);
  }

  #answer(request: IncomingMessage, body: string): Answer {
    const { path = "/eureka", user, header } = this.#options;
    const url = new URL(request.url ?? "/", "http://eureka");
    if (user !== undefined && request.headers.authorization !== `Basic ${btoa(user)}`) return { status: 401 };
    if (header !== undefined && request.headers[header[0]] !== header[1]) {
      throw new Refusal(400, `no header ${header[0]}: ${header[1]}`);
    }
    // eureka-js-client asks for "/apps/" as well.
    const under = url.pathname.replace(/\/$/, "");
    if (!under.startsWith(`${path}/`)) throw new Refusal(404, "Not Found");
    const parts = under
      .slice(path.length + 1)
      .split("/")
      .map(decodeURIComponent);
    if (request.method === "GET") {
      if (body !== "") throw new Refusal(400, "a body with GET");
      if (url.search !== "") throw new Refusal(400, `a query with GET: ${url.search}`);
      if (request.headers.accept?.includes("json") !== true)
        throw new Refusal(406, "only JSON is spoken here");
      return this.#cached(url.pathname, () => this.#read(parts));
    }
    return this.#write(request, url, parts, body);
  }

  #cached(key: string, make: () => Answer): Answer {
    const found = this.#cache.get(key);
    if (found !== undefined && found.until > this.#now()) return found.answer;
    const answer = make();
    const { cacheMs = 0 } = this.#options;
    if (answer.status === 200) this.#cache.set(key, { until: this.#now() + cacheMs, answer });
    return answer;
  }

  #read(parts: readonly string[]): Answer {
    const { style = "jackson", delta = true } = this.#options;
    const [kind, name, id, ...more] = parts;
    if (more.length > 0) throw new Refusal(404, "Not Found");
    if (this.isSyncing) return { status: 403 };
    const { registry } = this;
    const ok = (value: object): Answer => ({ status: 200, body: JSON.stringify(value) });
    if (kind === "apps" && name === undefined) {
      return ok(renderApps(registry.list(), registry.hashCode(), style));
    }
    if (kind === "apps" && name === "delta" && id === undefined) {
      if (!delta) return { status: 403 };
      return ok(renderApps(registry.changes(), registry.hashCode(), style));
    }
    if (kind === "apps" && name !== undefined) {
      if (id !== undefined) {
        const found = registry.find(name, id);
        return found === undefined ? { status: 404 } : ok({ instance: renderInstance(found, style) });
      }
      const instances = registry.list(name).get(name);
      return instances === undefined
        ? { status: 404 }
        : ok({ application: renderApp(name, instances, style) });
    }
    if ((kind === "vips" || kind === "svips") && name !== undefined && id === undefined) {
      return this.#readVip(kind, name);
    }
    throw new Refusal(404, "Not Found");
  }

  #readVip(kind: "vips" | "svips", name: string): Answer {
    const { style = "jackson" } = this.#options;
    const apps = [...this.registry.list()].map(([app, all]) => {
      const found = all.filter(({ fields }) =>
        (kind === "vips" ? fields.vips : fields.secureVips).includes(name),
      );
      return [app, found] as const;
    });
    const found = new Map(apps.filter(([, instances]) => instances.length > 0));
    if (found.size === 0) return { status: 404 };
    const rendered = renderApps(found, this.registry.hashCode(), style);
    return { status: 200, body: JSON.stringify(rendered) };
  }

  #write(request: IncomingMessage, url: URL, parts: readonly string[], body: string): Answer {
    const [kind, app = "", id, what, ...more] = parts;
    if (kind !== "apps" || app === "" || more.length > 0) throw new Refusal(404, "Not Found");
    const { method } = request;
    const { registry } = this;
    if (id === undefined) {
      if (method !== "POST") throw new Refusal(405, "only POST registers");
      if (request.headers["content-type"]?.startsWith("application/json") !== true) {
        throw new Refusal(415, "no JSON");
      }
      allow(url, []);
      registry.register(readRegistration(body, app));
      return { status: 204 };
    }
    if (body !== "") throw new Refusal(400, `a body with ${method}`);
    const known = (isKnown: boolean): Answer => ({ status: isKnown ? 200 : 404 });
    if (what === "status") {
      allow(url, ["value", "lastDirtyTimestamp"]);
      const value = url.searchParams.get("value");
      if (method === "PUT") return known(registry.override(app, id, readStatus(value)));
      if (method === "DELETE") {
        return known(registry.clearOverride(app, id, value === null ? "UNKNOWN" : readStatus(value)));
      }
    } else if (what === undefined && method === "PUT") {
      allow(url, ["status", "lastDirtyTimestamp"]);
      const status = url.searchParams.get("status");
      if (status !== null) readStatus(status);
      const dirtyAt = url.searchParams.get("lastDirtyTimestamp");
      if (dirtyAt !== null && !/^\d{10,16}$/.test(dirtyAt))
        throw new Refusal(400, `no timestamp: ${dirtyAt}`);
      return known(registry.renew(app, id, dirtyAt === null ? undefined : Number(dirtyAt)));
    } else if (what === undefined && method === "DELETE") {
      allow(url, []);
      return known(registry.cancel(app, id));
    }
    throw new Refusal(405, `${method} does not belong there`);
  }
}

function allow(url: URL, names: readonly string[]): void {
  for (const name of url.searchParams.keys()) {
    if (!names.includes(name)) throw new Refusal(400, `an unknown parameter: ${name}`);
  }
}
