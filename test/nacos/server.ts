import type { IncomingMessage, ServerResponse } from "node:http";

import { StandInServer } from "../discovery/support/stand-in-server.ts";
import { Accounts } from "./accounts.ts";
import { InstanceStore } from "./instance-store.ts";
import { NamingApi } from "./naming-api.ts";
import { Refusal } from "./refusal.ts";

export interface NacosServerOptions {
  /** Which APIs exist: Nacos 2 has `v1`, Nacos 3 both or, with the older one switched off, `v3`. Default: both. */
  readonly apis?: readonly ("v1" | "v3")[];
  /** Who may ask, `user:password`; anyone by default. */
  readonly user?: string;
  /** How long a token is good, in seconds. Default: 18,000. */
  readonly tokenTtl?: number;
  /** Time, in milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

const json = { "content-type": "application/json;charset=UTF-8" };

/** A Nacos server of one process, written after its documentation. It checks every request. */
export class NacosServer extends StandInServer {
  readonly #now: () => number;
  store: InstanceStore;
  readonly accounts: Accounts;
  /** Which APIs exist; may change, as with an upgrade. */
  apis: readonly ("v1" | "v3")[];

  private constructor({ apis = ["v1", "v3"], user, tokenTtl = 18_000, now = Date.now }: NacosServerOptions) {
    super();
    this.#now = now;
    this.apis = apis;
    this.store = new InstanceStore(now);
    this.accounts = new Accounts(user, tokenTtl, now);
  }

  static async start(options: NacosServerOptions = {}): Promise<NacosServer> {
    const made = new NacosServer(options);
    await made.restart();
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Registers an instance without a request; nobody has to keep it alive. */
  put(service: string, ip: string, port: number): void {
    this.store.put({
      namespace: "public",
      group: "DEFAULT_GROUP",
      service,
      ip,
      port,
      cluster: "DEFAULT",
      weight: 1,
      healthy: true,
      enabled: true,
      ephemeral: false,
      metadata: {},
    });
  }

  /** Takes away what {@link put} has put there. */
  remove(service: string, ip: string, port: number): void {
    const where = { namespace: "public", group: "DEFAULT_GROUP", cluster: "DEFAULT" };
    this.store.remove({ ...where, service, ip, port });
  }

  protected override describe({ method, url }: IncomingMessage): string {
    return `${method} ${url?.split("?")[0]}`;
  }

  protected forget(): void {
    this.store = new InstanceStore(this.#now);
  }

  protected serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    try {
      const answer = this.#answer(request, new URL(request.url ?? "/", "http://nacos"), body);
      const isText = typeof answer === "string";
      response.writeHead(200, isText ? {} : json).end(isText ? answer : JSON.stringify(answer));
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { status, code } = error instanceof Refusal ? error : { status: 500, code: 30_000 };
    const isExpected = code === 10_001 || code === 404 || code === 40_000;
    if (!isExpected) this.complaints.push(`${request.method} ${request.url}: ${status} ${String(error)}`);
    // What does not exist is answered by the web server, not by Nacos.
    const body =
      code === 404
        ? { timestamp: "2025-01-01", status, error: "Not Found", path: request.url }
        : { code, message: "refused", data: String(error) };
    response.writeHead(status, json).end(JSON.stringify(body));
  }

  #answer(request: IncomingMessage, url: URL, body: string): object | string {
    const { method = "" } = request;
    const parameters = new URLSearchParams(url.search);
    if (body !== "") {
      const isForm =
        request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
      if (!isForm || method !== "POST") throw new Refusal(400, `a body that is no form with POST: ${method}`);
      for (const [name, value] of new URLSearchParams(body)) parameters.append(name, value);
    }
    const [, api, path = ""] = /^\/nacos\/(v1|v3)(\/.*)$/.exec(url.pathname) ?? [];
    if (api !== "v1" && api !== "v3") throw new Refusal(404, `nothing at ${url.pathname}`);
    if (!this.apis.includes(api)) {
      // Nacos 2 knows nothing of the newer API; Nacos 3 says that the older one is switched off.
      if (api === "v3") throw new Refusal(404, "Not Found", 404);
      throw new Refusal(410, "Current API will be deprecated", 40_000);
    }
    if (method === "POST" && (path === "/auth/user/login" || path === "/auth/users/login")) {
      if (url.search !== "") throw new Refusal(400, "a login with a query");
      if ((api === "v3") !== (path === "/auth/user/login")) throw new Refusal(404, "Not Found", 404);
      return this.accounts.login(parameters);
    }
    this.accounts.check(request, parameters);
    const naming = new NamingApi(this.store, this.#now);
    if (api === "v3" && path.startsWith("/client/ns/")) {
      return naming.v3(method, path.slice("/client/ns".length), parameters);
    }
    if (api === "v1" && path.startsWith("/ns/"))
      return naming.v1(method, path.slice("/ns".length), parameters);
    throw new Refusal(404, `nothing at ${url.pathname}`);
  }
}
