import type { WatchContext } from "@proxyless/core";
import { inTurns } from "@proxyless/core/discovery";

import { lookupError } from "./eureka-http.ts";
import type { EurekaHttp } from "./eureka-http.ts";
import type { Settings } from "./options.ts";
import { readRegistry } from "./registry-json.ts";
import type { RegistryAnswer } from "./registry-json.ts";

type Time = Pick<WatchContext, "clock">;

/** What can be asked of Eureka. Everything rejects with a `SourceError`, or the signal's reason. */
export class Lookup {
  readonly #http: EurekaHttp;
  readonly #settings: Settings;
  /** Addresses that have answered as only Eureka does: there a 404 is about the name, not about the path. */
  readonly #known = new Set<string>();

  constructor(http: EurekaHttp, settings: Settings) {
    this.#http = http;
    this.#settings = settings;
  }

  /** One service on its own, as the mode says. @returns `undefined` when there is none of that name */
  async one(
    service: string,
    mode: "app" | "vip" | "svip",
    time: Time,
    signal: AbortSignal,
  ): Promise<RegistryAnswer | undefined> {
    const path =
      mode === "app"
        ? `/apps/${encodeURIComponent(service.toUpperCase())}`
        : `/${mode}s/${encodeURIComponent(service)}`;
    const { href } = this.#http.base;
    const answer = await this.#get(path, `service ${service}`, time, signal, [404]);
    if (answer !== undefined) {
      this.#known.add(href);
      return answer;
    }
    // A wrong path in the address would make everything look absent: its delta has to exist where Eureka is.
    if (!this.#known.has(href)) {
      await this.#get("/apps/delta", "the registry", time, signal, [403]);
      this.#known.add(href);
    }
    return undefined;
  }

  /** Everything. */
  async all(time: Time, signal: AbortSignal): Promise<RegistryAnswer> {
    const answer = await this.#get("/apps", "the registry", time, signal, []);
    return answer ?? { records: [], hashCode: undefined, unreadable: 0 };
  }

  /** What changed in the last minutes. @returns `undefined` where the server does not tell: switched off, or not safe yet */
  delta(time: Time, signal: AbortSignal): Promise<RegistryAnswer | undefined> {
    return this.#get("/apps/delta", "the registry's changes", time, signal, [403, 404]);
  }

  /** @returns `undefined` for the statuses that mean that there is nothing, and for an empty body */
  async #get(
    path: string,
    what: string,
    { clock }: Time,
    signal: AbortSignal,
    nothing: readonly number[],
  ): Promise<RegistryAnswer | undefined> {
    const response = await this.#http.send({ method: "GET", path, lane: "watch" }, clock, signal);
    if (nothing.includes(response.status)) return undefined;
    if (response.status !== 200) throw lookupError(what, response, clock.wallNow());
    if (nothing.length > 0 && response.pieces.every((each) => each.trim() === "")) return undefined;
    return inTurns(readRegistry(what, response.pieces, this.#settings), { clock, signal });
  }
}
