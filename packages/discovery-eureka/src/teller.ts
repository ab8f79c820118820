import type { Endpoint, Sink, Snapshot, WatchContext } from "@proxyless/core";
import {
  inTurns,
  LastSnapshot,
  SourceError,
  toDiscoveryError,
  toSourceError,
} from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { InstanceRecord } from "./instance-record.ts";

/** What is known of a service. */
export interface Knowledge {
  /** `undefined`: the registry says that there is no such service. */
  readonly records: readonly InstanceRecord[] | undefined;
  readonly trust: Snapshot["trust"];
  /** Entries of which nobody can tell what they are. */
  readonly unreadable: number;
}

/** As many instances as are looked at in one piece. */
const piece = 512;

/** Tells one sink what is known of its service: what changed as a snapshot, what did not as a sign of life. */
export class Teller {
  readonly #service: string;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #last = new LastSnapshot();
  /** What is known, one after the other: all of them go through the same memory. */
  #telling: Promise<void> = Promise.resolve();

  constructor(service: string, sink: Sink, context: WatchContext) {
    this.#service = service;
    this.#sink = sink;
    this.#context = context;
  }

  /** Resolves when it was told. Never rejects. */
  tell(knowledge: Knowledge): Promise<void> {
    this.#telling = this.#tellAfter(this.#telling, knowledge);
    return this.#telling;
  }

  async #tellAfter(before: Promise<void>, knowledge: Knowledge): Promise<void> {
    await before;
    const { signal } = this.#context;
    if (signal.aborted) return;
    try {
      const snapshot = await inTurns(this.#news(knowledge), this.#context);
      if (snapshot !== undefined) this.#sink.snapshot(snapshot);
      // Nothing is known for sure while it does not add up.
      else if (knowledge.trust === "authoritative") this.#sink.alive();
    } catch (error) {
      this.trouble(toSourceError(error));
    }
  }

  trouble(error: SourceError): void {
    if (!this.#context.signal.aborted) this.#sink.error(toDiscoveryError(error));
  }

  *#news({ records, trust, unreadable }: Knowledge): Sliceable<Snapshot | undefined> {
    const endpoints: Endpoint[] = [];
    let skipped = unreadable;
    for (const [i, { endpoint, isIgnored }] of (records ?? []).entries()) {
      if (i % piece === 0) yield;
      if (endpoint !== undefined) endpoints.push(endpoint);
      else if (!isIgnored) skipped++;
    }
    if (endpoints.length === 0 && skipped > 0) {
      const what = `none of ${skipped} entries has an id, a host and an enabled port`;
      throw new SourceError("data", `service ${this.#service}: ${what}`);
    }
    return yield* this.#last.next({
      kind: records === undefined ? "absent" : "bound",
      endpoints,
      trust,
      ...(skipped === 0 ? {} : { skipped }),
    });
  }
}
