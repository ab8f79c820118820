import type { Clock } from "@proxyless/core";
import { isRecord, SourceError, statusError } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { EurekaHttp } from "./eureka-http.ts";
import type { EurekaStatus } from "./instance-entry.ts";

/** Who is registered. */
export interface Identity {
  readonly app: string;
  readonly id: string;
}

/**
 * The requests that a registration makes. Each goes to the server that answered last, and to the next ones when that one
 * fails; each rejects with a `SourceError`, or the signal's reason.
 */
export class RegistrationCalls {
  readonly #http: EurekaHttp;
  readonly #clock: Clock;
  readonly #apps: string;
  readonly #own: string;

  constructor(http: EurekaHttp, { app, id }: Identity, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
    this.#apps = `/apps/${encodeURIComponent(app)}`;
    this.#own = `${this.#apps}/${encodeURIComponent(id)}`;
  }

  /** Makes the instance known, or replaces what is known of it. */
  async register(instance: object, signal: AbortSignal): Promise<void> {
    await this.#send("POST", this.#apps, signal, [200, 204], JSON.stringify({ instance }));
  }

  /** Says that the instance lives. @returns `false` when the server does not know it, or knows an older one */
  beat(status: EurekaStatus, dirtyAt: number, signal: AbortSignal): Promise<boolean> {
    return this.#known("PUT", `${this.#own}?status=${status}&lastDirtyTimestamp=${dirtyAt}`, signal);
  }

  /** Looks the instance up. @returns `undefined` when the server does not know it */
  async read(signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined> {
    const response = await this.#send("GET", this.#own, signal, [200, 404]);
    if (response.status === 404) return undefined;
    let json: unknown;
    try {
      json = JSON.parse(response.body);
    } catch {
      json = undefined;
    }
    const instance = isRecord(json) ? json["instance"] : undefined;
    if (!isRecord(instance))
      throw new SourceError("data", `GET ${this.#own}: Eureka's answer is no instance`);
    return instance;
  }

  /** Sets what the instance shall be listed as, whatever it says of itself. @returns `false` when it is not known */
  override(status: EurekaStatus, dirtyAt: number, signal: AbortSignal): Promise<boolean> {
    return this.#known("PUT", `${this.#own}/status?value=${status}&lastDirtyTimestamp=${dirtyAt}`, signal);
  }

  /** Takes that back, and lists it as `status` until it says itself. @returns `false` when it is not known */
  clearOverride(status: EurekaStatus, dirtyAt: number, signal: AbortSignal): Promise<boolean> {
    return this.#known("DELETE", `${this.#own}/status?value=${status}&lastDirtyTimestamp=${dirtyAt}`, signal);
  }

  /** Removes the instance. @returns `false` when it was gone already */
  remove(signal: AbortSignal): Promise<boolean> {
    return this.#known("DELETE", this.#own, signal);
  }

  async #known(method: "PUT" | "DELETE", path: string, signal: AbortSignal): Promise<boolean> {
    const { status } = await this.#send(method, path, signal, [200, 204, 404]);
    return status !== 404;
  }

  async #send(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    signal: AbortSignal,
    expected: readonly number[],
    body?: string,
  ): Promise<RegistryResponse> {
    const request = { method, path, lane: "quick", ...(body === undefined ? {} : { body }) } as const;
    return this.#http.anywhere(signal, async () => {
      const response = await this.#http.send(request, this.#clock, signal);
      if (!expected.includes(response.status)) {
        throw statusError(`${method} ${path.split("?")[0]}: Eureka`, response, this.#clock.wallNow());
      }
      return response;
    });
  }
}
