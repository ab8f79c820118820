import type { Clock } from "@proxyless/core";
import { workOneTurn } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { AdsProtocol, Received } from "./ads-protocol.ts";

/** Who hears of the answers of a stream. */
export interface AnswerReadingEvents {
  /** One was read to its end; `undefined` for one that nobody asked for. */
  readonly read: (received: Received | undefined) => void;
  /** One that could not be read in the turn that it came in is done with. */
  readonly ready: () => void;
}

/** Reads the answers of one stream, one after the other, each over as many turns of the event loop as it takes. */
export class AnswerReading<Response> {
  readonly #protocol: AdsProtocol<Response>;
  readonly #clock: Clock;
  readonly #events: AnswerReadingEvents;
  #work: Sliceable<Received | undefined> | undefined;

  constructor(protocol: AdsProtocol<Response>, clock: Clock, events: AnswerReadingEvents) {
    this.#protocol = protocol;
    this.#clock = clock;
    this.#events = events;
  }

  /** Begins with an answer. @returns whether it is done with: if not, no other one may be given until all is `ready` */
  take(response: Response): boolean {
    this.#work = this.#protocol.receive(response);
    return this.#goOn();
  }

  /** The stream is over: what was not read to its end never came. */
  drop(): void {
    this.#work?.return(undefined);
    this.#work = undefined;
  }

  #goOn(): boolean {
    const work = this.#work;
    if (work === undefined) return true;
    const done = workOneTurn(work, this.#clock);
    if (done === undefined) {
      setImmediate(() => {
        if (this.#work === work && this.#goOn()) this.#events.ready();
      });
      return false;
    }
    this.#work = undefined;
    this.#events.read(done.result);
    return true;
  }
}
