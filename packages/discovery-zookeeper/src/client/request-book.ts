import type { SourceError } from "@proxyless/core/discovery";

import type { JuteReader } from "./jute-reader.ts";
import { PendingRequests } from "./pending-requests.ts";
import type { Answer, Asker } from "./pending-requests.ts";
import { xids } from "./protocol.ts";
import { ZookeeperError } from "./zookeeper-error.ts";

const lastXid = 0x7fff_ffff;

/** What is asked under a number. */
export interface Asked {
  readonly xid: number;
  /** Says in errors what was asked. */
  readonly what: string;
}

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

  /**
   * Notes what is asked. Resolves when all of it is answered, with the answers in its order, of which any may be a refusal. Rejects
   * when the connection is over.
   */
  add(asked: readonly Asked[], now: number): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    const { promise, reject, resolve } = Promise.withResolvers<readonly Answer[]>();
    const asker: Asker = {
      // ZooKeeper answers in the order in which it was asked.
      answered: (answer) => {
        if (answers.push(answer) === asked.length) resolve(answers);
      },
      lost: reject,
    };
    for (const { what, xid } of asked) this.#queueOf(xid).add(xid, what, now, asker);
    return promise;
  }

  /** @throws SourceError when nothing waits for this answer */
  answer(xid: number, error: number, reader: JuteReader): void {
    const queue = xid < 0 ? this.#special.get(xid) : this.#ordinary;
    if (xid === xids.auth && queue === undefined) throw new ZookeeperError(error, "authentication");
    (queue ?? this.#ordinary).answer(xid, error, reader);
  }

  /** When the oldest one was sent: answers come in order, so it speaks for all. `Infinity` when nothing waits. */
  get oldestSentAt(): number {
    let oldest = this.#ordinary.oldestSentAt ?? Infinity;
    for (const queue of this.#special.values()) oldest = Math.min(oldest, queue.oldestSentAt ?? Infinity);
    return oldest;
  }

  /** The connection is over. */
  fail(error: SourceError): void {
    this.#ordinary.fail(error);
    for (const queue of this.#special.values()) queue.fail(error);
  }

  #queueOf(xid: number): PendingRequests {
    if (xid >= 0) return this.#ordinary;
    const queue = this.#special.get(xid) ?? new PendingRequests();
    this.#special.set(xid, queue);
    return queue;
  }
}
