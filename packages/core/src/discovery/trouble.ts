import type { DiscoveryErrorClass } from "../errors.ts";
import { plainText } from "../plain-text.ts";
import type { DiscoveryError, DiscoveryNotice } from "./source.ts";

/** How often an error of the same class is said, at most. */
const sayEveryMs = 10_000;
const maxMessageLength = 500;
const classes: Readonly<Record<DiscoveryErrorClass, true>> = {
  transient: true,
  auth: true,
  config: true,
  data: true,
  "protocol-reset": true,
};

/** Whether a source is in trouble, since when, and when that is worth an event. */
export class Trouble {
  #error: DiscoveryError | undefined;
  #since = 0;
  /** Whether this stretch of trouble was said, so that its end has to be said too. */
  #said = false;
  #saidClass: DiscoveryErrorClass | undefined;
  #saidAt = -Infinity;

  /** The latest error; `undefined` while the source is well. */
  get error(): DiscoveryError | undefined {
    return this.#error;
  }

  /** When this stretch of trouble began. */
  get since(): number {
    return this.#since;
  }

  /** Notes an error. @returns whether to say it: when its class is new, or the last one was said 10 s ago. */
  begin(error: DiscoveryError, now: number): boolean {
    if (this.#error === undefined) {
      this.#since = now;
      this.#said = false;
    }
    this.#error = error;
    if (error.class === this.#saidClass && now - this.#saidAt < sayEveryMs) return false;
    this.#said = true;
    this.#saidClass = error.class;
    this.#saidAt = now;
    return true;
  }

  /** Notes that the source is well. @returns how long it was not, in milliseconds, when that is to be said */
  end(now: number): number | undefined {
    if (this.#error === undefined) return undefined;
    this.#error = undefined;
    return this.#said ? now - this.#since : undefined;
  }
}

/** Makes an error of whatever a source reports: an unknown class is `transient`, the message is one short line without credentials. */
export function readError(raw: unknown): DiscoveryError {
  try {
    if (!isErrorLike(raw)) return { class: "transient", message: line(raw) };
    const { class: kind, message, cause, retryAfterMs } = raw;
    const wait = typeof retryAfterMs === "number" && Number.isFinite(retryAfterMs) && retryAfterMs >= 0;
    return {
      class: isClass(kind) ? kind : "transient",
      message: line(message),
      ...(cause === undefined ? undefined : { cause }),
      ...(wait ? { retryAfterMs } : undefined),
    };
  } catch {
    return { class: "transient", message: "the source reported an unreadable error" };
  }
}

/** Makes a notice of whatever a source gives as one. */
export function readNotice(raw: unknown): DiscoveryNotice {
  const { topic, message }: { readonly topic?: unknown; readonly message?: unknown } =
    typeof raw === "object" && raw !== null ? raw : {};
  const word = typeof topic === "string" && /^[a-z][a-z-]{0,31}$/u.test(topic) ? topic : "source";
  return { topic: word, message: line(message) };
}

function isErrorLike(value: unknown): value is { readonly [K in keyof DiscoveryError]?: unknown } {
  return typeof value === "object" && value !== null;
}

function isClass(value: unknown): value is DiscoveryErrorClass {
  return typeof value === "string" && Object.hasOwn(classes, value);
}

function line(value: unknown): string {
  if (typeof value !== "string" || value === "") return "the source reported an error without a message";
  return plainText(value, maxMessageLength).trim();
}
