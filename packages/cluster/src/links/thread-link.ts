import { receiveMessageOnPort } from "node:worker_threads";
import type { BroadcastChannel, MessagePort, Worker } from "node:worker_threads";

import { readToPrimary } from "../messages.ts";
import type { Link, LinkListener } from "./link.ts";
import { askChannel, openChannel, openTellChannel, post } from "./thread-channels.ts";

/** To the other threads of this process, whoever started them. */
export class ThreadLink implements Link {
  readonly #listener: LinkListener;
  readonly #ask: BroadcastChannel;
  readonly #tell: BroadcastChannel;
  readonly #watched = new Map<Worker, () => void>();
  readonly #onWorker = (worker: Worker): void => {
    this.watch(worker);
  };

  constructor(listener: LinkListener) {
    this.#listener = listener;
    this.#ask = openChannel(askChannel, () => undefined);
    this.#tell = openTellChannel((message) => {
      this.#hear(message);
    });
    process.on("worker", this.#onWorker);
  }

  /** Hears of the end of a thread. Those that are started from this one after the link are watched without it. */
  watch(worker: Worker): void {
    if (this.#watched.has(worker)) return;
    // It has no number any more when it has ended.
    const source = `thread-${worker.threadId}`;
    const onExit = (): void => {
      this.#watched.delete(worker);
      // Its last words may still wait to be heard.
      for (let said = this.#next(); said !== undefined; said = this.#next()) this.#hear(said.message);
      this.#listener.ended(source);
    };
    this.#watched.set(worker, onExit);
    worker.once("exit", onExit);
  }

  send(message: object, sources?: ReadonlySet<string>): void {
    if (sources !== undefined && ![...sources].some((source) => source.startsWith("thread"))) return;
    post(this.#ask, message);
  }

  close(): void {
    process.off("worker", this.#onWorker);
    for (const [worker, onExit] of this.#watched) worker.off("exit", onExit);
    this.#watched.clear();
    this.#ask.close();
    this.#tell.close();
  }

  #hear(message: unknown): void {
    const thread = readToPrimary(message)?.thread;
    this.#listener.heard(thread === undefined ? "thread" : `thread-${thread}`, message);
  }

  #next(): { readonly message: unknown } | undefined {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- Node takes both, its types know of one
    return receiveMessageOnPort(this.#tell as unknown as MessagePort);
  }
}
