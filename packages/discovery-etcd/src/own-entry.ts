import type { Clock, Random, Sink } from "@proxyless/core";
import { Backoff, watchLoop } from "@proxyless/core/discovery";

import type { WatchMessage } from "./answers.ts";
import { base64 } from "./gateway.ts";
import type { EtcdGateway } from "./gateway.ts";

/** Between two looks at an entry that somebody keeps deleting, in milliseconds. */
const pauseMs = 250;

const nobody: Sink = { snapshot: () => undefined, alive: () => undefined, error: () => undefined };

/** Hears at once when somebody deletes an instance's entry, and looks again whenever it could not hear for a while. */
export class OwnEntry {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    gateway: EtcdGateway,
    key: string,
    lost: () => void,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    const loop = watchLoop(
      nobody,
      { clock, random, signal: this.#stop.signal },
      {
        backoff: new Backoff(100, 5000),
        round: async (round) => {
          const { base } = gateway;
          const gone = new AbortController();
          const heard = ({ events, isCreated }: WatchMessage): void => {
            round.good();
            // Between the last look and the beginning of a watch, the first one too, anything may have happened.
            if (isCreated) lost();
            if (!events.some(({ isDelete }) => isDelete)) return;
            lost();
            gone.abort();
          };
          const signal = AbortSignal.any([round.signal, gone.signal]);
          try {
            return await gateway.watch({ what: key, span: { key: base64(key) } }, heard, { clock, signal });
          } catch (error) {
            if (gone.signal.aborted) return pauseMs;
            gateway.moveOn(base);
            throw error;
          }
        },
      },
    );
    this.#done = loop.done;
  }

  /** Resolves when its connection is let go. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#done;
  }
}
