import { SourceError } from "@proxyless/core/discovery";

import { recordOf } from "./answers.ts";
import { EtcdError, grpcCode } from "./etcd-error.ts";
import type { Calls } from "./registry-calls.ts";

/** The lease of one instance, made when it is first needed and again when etcd let it run out. Never shared: its end is the instance's end. */
export class Lease {
  readonly #calls: Calls;
  readonly #ttlSeconds: number;
  readonly #what: string;
  #id: string | undefined;

  constructor(calls: Calls, ttlMs: number, what: string) {
    this.#calls = calls;
    this.#ttlSeconds = ttlMs / 1000;
    this.#what = what;
  }

  /** Its id; absent before the first {@link keep} and after it was lost. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Makes sure that it lives for another term. @returns its id */
  async keep(signal: AbortSignal): Promise<string> {
    if (this.#id !== undefined) {
      const answer = await this.#calls.call("/v3/lease/keepalive", { ID: this.#id }, this.#what, signal);
      // One that ran out is answered like one that lives, but without the time that is left.
      const { TTL: left } = recordOf(answer["result"], this.#what);
      if (left !== undefined && left !== "0") return this.#id;
      this.#id = undefined;
    }
    const { ID: id } = await this.#calls.call(
      "/v3/lease/grant",
      { TTL: this.#ttlSeconds },
      this.#what,
      signal,
    );
    if (typeof id !== "string") throw new SourceError("data", `${this.#what}: etcd granted no lease`);
    this.#id = id;
    return id;
  }

  /** etcd said that it is gone. */
  forget(): void {
    this.#id = undefined;
  }

  /** Ends it, and with it every entry that hangs on it; one that is gone already is a success. */
  async revoke(signal: AbortSignal): Promise<void> {
    if (this.#id === undefined) return;
    try {
      await this.#calls.call("/v3/lease/revoke", { ID: this.#id }, this.#what, signal);
    } catch (error) {
      if (!isLeaseGone(error)) throw error;
    }
    this.#id = undefined;
  }
}

/** Whether etcd does not know a lease. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdError && error.code === grpcCode.notFound;
}
