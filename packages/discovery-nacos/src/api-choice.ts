import { isRecord } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { NacosApi } from "./connection.ts";

/** One of the two. */
export type SpokenApi = Exclude<NacosApi, "auto">;

/** How long the older API is taken for the only one, in milliseconds. */
const reprobeMs = 600_000;
const deprecated = 40_000;

/** Remembers which API the servers speak: the newer one where it exists, looked for again every ten minutes. */
export class ApiChoice {
  readonly #isFixed: boolean;
  #api: SpokenApi;
  #probedAt = -Infinity;

  constructor(api: NacosApi) {
    this.#isFixed = api !== "auto";
    this.#api = api === "auto" ? "v3" : api;
  }

  /** Which one to speak at `now`. */
  current(now: number): SpokenApi {
    const isOver = !this.#isFixed && this.#api === "v1" && now - this.#probedAt >= reprobeMs;
    return isOver ? "v3" : this.#api;
  }

  /** What to try when `missing` does not exist; `undefined` when there is no choice. */
  other(missing: SpokenApi): SpokenApi | undefined {
    if (this.#isFixed) return undefined;
    return missing === "v3" ? "v1" : "v3";
  }

  /** `api` answered at `now`; `wasProbed` when the newer one was found missing just before. */
  found(api: SpokenApi, now: number, wasProbed: boolean): void {
    if (this.#isFixed) return;
    this.#api = api;
    if (wasProbed) this.#probedAt = now;
  }
}

/**
 * Whether an answer means that there is no such API, rather than that something was not found in it: Nacos wraps its own
 * answers in `{ code, message, data }`, and says 410 with code 40000 for an API that is switched off.
 */
export function isMissingApi(response: RegistryResponse): boolean {
  const { status } = response;
  if (![404, 405, 410, 501].includes(status)) return false;
  const code = codeOf(response.body);
  return code === undefined || code === deprecated || status === 410;
}

/** The `code` of Nacos's own answers; `undefined` in anything else. */
export function codeOf(body: string): number | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return isRecord(json) && typeof json["code"] === "number" ? json["code"] : undefined;
  } catch {
    return undefined;
  }
}
