import { hash } from "node:crypto";

import type { Sink, Snapshot } from "@proxyless/core";
import { SourceError, toDiscoveryError } from "@proxyless/core/discovery";

import type { InstanceRecord } from "./instance-record.ts";

/** What is known of a service. */
export interface Knowledge {
  /** `undefined`: the registry says that there is no such service. */
  readonly records: readonly InstanceRecord[] | undefined;
  readonly trust: Snapshot["trust"];
  /** Entries of which nobody can tell what they are. */
  readonly unreadable: number;
}

/** Tells one sink what is known of its service: what changed as a snapshot, what did not as a sign of life. */
export class Teller {
  readonly #service: string;
  readonly #sink: Sink;
  readonly #signal: AbortSignal;
  #told = "";

  constructor(service: string, sink: Sink, signal: AbortSignal) {
    this.#service = service;
    this.#sink = sink;
    this.#signal = signal;
  }

  tell({ records, trust, unreadable }: Knowledge): void {
    if (this.#signal.aborted) return;
    const endpoints = (records ?? []).flatMap(({ endpoint }) => (endpoint === undefined ? [] : [endpoint]));
    const skipped = unreadable + (records?.length ?? 0) - endpoints.length;
    if (endpoints.length === 0 && skipped > 0) {
      this.trouble(
        new SourceError(
          "data",
          `service ${this.#service}: none of ${skipped} entries has an id, a host and an enabled port`,
        ),
      );
      return;
    }
    const snapshot: Snapshot = {
      kind: records === undefined ? "absent" : "bound",
      endpoints,
      trust,
      ...(skipped === 0 ? {} : { skipped }),
    };
    const digest = hash("sha256", JSON.stringify(snapshot));
    if (digest === this.#told) {
      // Nothing is known for sure while it does not add up.
      if (trust === "authoritative") this.#sink.alive();
      return;
    }
    this.#told = digest;
    this.#sink.snapshot(snapshot);
  }

  trouble(error: SourceError): void {
    if (!this.#signal.aborted) this.#sink.error(toDiscoveryError(error));
  }
}
