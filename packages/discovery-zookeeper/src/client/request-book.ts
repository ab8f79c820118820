import type { SourceError } from "@proxyless/core/discovery";

import type { JuteReader } from "./jute-reader.ts";
import { PendingRequests } from "./pending-requests.ts";
import { xids } from "./protocol.ts";
import { ZookeeperError } from "./zookeeper-error.ts";

const lastXid = 0x7fff_ffff;

/** Everything that was asked on a connection and is not answered yet, by the numbers that answers come under. */
export class RequestBook {
  readonly #ordinary = new PendingRequests();
  /** Requests of a purpose (authentication, watches) are answered under their own numbers. */
  readonly #special = new Map<number, PendingRequests>();
  #xid = 0;

  /** The number of the next ordinary request. */
  nextXid(): number {
    this.#xid = this.#xid === lastXid ? 1 : this.#xid + 1;
    return this.#xid;
  }

  /** @param what says in errors what was asked @returns what comes after the answer's head */
  add(xid: number, what: string, now: number): Promise<JuteReader> {
    const queue = xid < 0 ? (this.#special.get(xid) ?? new PendingRequests()) : this.#ordinary;
    if (xid < 0) this.#special.set(xid, queue);
    return queue.add(xid, what, now);
  }

  /** @throws SourceError when nothing waits for this answer */
  answer(xid: number, error: number, reader: JuteReader): void {
    const queue = xid < 0 ? this.#special.get(xid) : this.#ordinary;
    if (xid === xids.auth && queue === undefined) throw new ZookeeperError(error, "authentication");
    (queue ?? this.#ordinary).answer(xid, error, reader);
  }

  /** When the oldest one was sent: answers come in order, so it speaks for all. `Infinity` when nothing waits. */
  get oldestSentAt(): number {
    const queues = [this.#ordinary, ...this.#special.values()];
    return Math.min(...queues.map((queue) => queue.oldestSentAt ?? Infinity));
  }

  /** The connection is over. */
  fail(error: SourceError): void {
    this.#ordinary.fail(error);
    for (const queue of this.#special.values()) queue.fail(error);
  }
}
