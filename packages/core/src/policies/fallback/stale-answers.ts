import { headerValue } from "../../header-list.ts";
import { RequestKeys } from "../request-key.ts";
import type { KeyedRequest } from "../request-key.ts";
import type { ResolvedStale } from "./fallback-policy.ts";

type Headers = Record<string, string | string[] | undefined>;

/** An answer as it was given. */
export interface KeptAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** What is counted for an answer besides its bytes. */
const OVERHEAD = 512;

/**
 * The last good answers to GET requests, for the time when there are no new ones. Bounded in number, in bytes and in age. Not a cache: it
 * answers only where the service does not.
 */
export class StaleAnswers {
  readonly #policy: ResolvedStale;
  readonly #keys: RequestKeys;
  /** The one that was renewed longest ago comes first. */
  readonly #entries = new Map<string, { readonly answer: KeptAnswer; readonly bytes: number }>();
  #bytes = 0;

  constructor(policy: ResolvedStale) {
    this.#policy = policy;
    this.#keys = new RequestKeys(policy.headers);
  }

  /** Whether it keeps what a policy says. */
  isFor(policy: ResolvedStale): boolean {
    return JSON.stringify(policy) === JSON.stringify(this.#policy);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Bytes that are kept, headers and keys included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The longest body that is kept. */
  get maxEntryBytes(): number {
    return this.#policy.maxEntryBytes;
  }

  /** Whether an answer to this request may be kept, judged by its head. */
  wants(request: KeyedRequest, status: number, headers: Headers): boolean {
    if (request.method !== "GET" || status < 200 || status > 299 || status === 206) return false;
    if (headers["set-cookie"] !== undefined || lists(headers["cache-control"], "no-store")) return false;
    if (lists(headerValue(request.headers, "cache-control"), "no-store")) return false;
    if (Number(headers["content-length"]) > this.#policy.maxEntryBytes) return false;
    return items(headers["vary"]).every((name) => name !== "*" && this.#keys.counts(name));
  }

  keep(request: KeyedRequest, answer: KeptAnswer): void {
    if (answer.body.length > this.#policy.maxEntryBytes) return;
    const key = this.#keys.of(request);
    const bytes = answer.body.length + 2 * key.length + sizeOf(answer.headers) + OVERHEAD;
    this.#delete(key);
    if (bytes > this.#policy.maxBytes) return;
    this.#entries.set(key, { answer, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= this.#policy.maxEntries && this.#bytes <= this.#policy.maxBytes) break;
      this.#delete(oldest);
    }
  }

  /** The last good answer to this very request, unless it is too old. */
  find(request: KeyedRequest, now: number): KeptAnswer | undefined {
    if (request.method !== "GET") return undefined;
    const key = this.#keys.of(request);
    const answer = this.#entries.get(key)?.answer;
    if (answer === undefined || now - answer.at <= this.#policy.maxAgeMs) return answer;
    this.#delete(key);
    return undefined;
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

function sizeOf(headers: Headers): number {
  let size = 0;
  for (const [name, value] of Object.entries(headers)) size += 2 * (name.length + String(value).length);
  return size;
}

function items(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return String(value)
    .split(",")
    .map((item) => item.trim().toLowerCase());
}

function lists(value: string | readonly string[] | undefined, directive: string): boolean {
  return items(value).includes(directive);
}
