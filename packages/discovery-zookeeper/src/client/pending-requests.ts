import { SourceError } from "@proxyless/core/discovery";

import type { JuteReader } from "./jute-reader.ts";
import { ZookeeperError } from "./zookeeper-error.ts";

/** What comes after an answer's head, or what ZooKeeper refuses with. */
export type Answer = JuteReader | ZookeeperError;

/** Who waits for an answer. */
export interface Asker {
  answered(answer: Answer): void;
  /** The connection is over, and there will be none. */
  lost(reason: SourceError): void;
}

/** A request that was sent and not answered yet. */
interface Pending {
  readonly xid: number;
  /** Says in errors what was asked. */
  readonly what: string;
  readonly sentAt: number;
  readonly asker: Asker;
}

/** The requests of one connection, which ZooKeeper answers in the order they came in. */
export class PendingRequests {
  #waiting: Pending[] = [];
  /** Where the oldest one is: what is before was answered. */
  #first = 0;

  get size(): number {
    return this.#waiting.length - this.#first;
  }

  /** When the oldest one was sent. */
  get oldestSentAt(): number | undefined {
    return this.#waiting[this.#first]?.sentAt;
  }

  add(xid: number, what: string, now: number, asker: Asker): void {
    this.#waiting.push({ xid, what, sentAt: now, asker });
  }

  /**
   * Hands an answer to the one that waits for it.
   * @throws SourceError of class `data` when it is not the oldest one's
   */
  answer(xid: number, error: number, reader: JuteReader): void {
    const oldest = this.#waiting[this.#first];
    if (oldest?.xid !== xid) {
      throw new SourceError(
        "data",
        `request ${xid} was answered where ${oldest === undefined ? "none" : oldest.xid} was expected`,
      );
    }
    this.#first++;
    if (this.#first > 1000 || this.#first === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    oldest.asker.answered(error === 0 ? reader : new ZookeeperError(error, oldest.what));
  }

  /** The connection is over. */
  fail(error: SourceError): void {
    const waiting = this.#waiting.slice(this.#first);
    this.#waiting = [];
    this.#first = 0;
    for (const { asker } of waiting) asker.lost(error);
  }
}
