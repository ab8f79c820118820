import type { Attributes } from "@opentelemetry/api";
import type { Clock } from "@proxyless/core";

/** The services and endpoints that series are of, and when somebody last told of them. */
export class Subjects {
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #seenAt = new Map<string, number>();

  constructor(clock: Clock, keptMs: number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  saw(attributes: Attributes): void {
    const subject = subjectOf(attributes);
    if (subject !== undefined) this.#seenAt.set(subject, this.#clock.now());
  }

  /** Nobody has told of it for too long. What is of no service is never gone. */
  isGone(attributes: Attributes): boolean {
    const subject = subjectOf(attributes);
    if (subject === undefined) return false;
    return this.#clock.now() - (this.#seenAt.get(subject) ?? -Infinity) > this.#keptMs;
  }

  /** Lets go of those that are gone. */
  forget(): void {
    const now = this.#clock.now();
    for (const [subject, at] of this.#seenAt) if (now - at > this.#keptMs) this.#seenAt.delete(subject);
  }
}

function subjectOf(attributes: Attributes): string | undefined {
  const service = attributes["server.address"];
  if (service === undefined) return undefined;
  const { "network.peer.address": address = "", "network.peer.port": port = "" } = attributes;
  return JSON.stringify([service, address, port]);
}
