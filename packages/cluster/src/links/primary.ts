import cluster from "node:cluster";
import { isMainThread, threadId } from "node:worker_threads";

import { askChannel, openChannel, tell } from "./thread-channels.ts";

/** The way from a worker to its primary. */
export interface Primary {
  /** Resolves when it is on its way, or cannot be any more. */
  send(message: object): Promise<void>;
  /** Which thread this is, where that must be said. */
  readonly thread: number | undefined;
  close(): void;
}

/** @returns undefined where there is no primary: in a process that nobody forked */
export function openPrimary(onMessage: (message: unknown) => void): Primary | undefined {
  if (!isMainThread) return new PrimaryThread(onMessage);
  return process.send === undefined ? undefined : new PrimaryProcess(onMessage);
}

class PrimaryThread implements Primary {
  readonly thread: number = threadId;
  readonly #channel: ReturnType<typeof openChannel>;

  constructor(onMessage: (message: unknown) => void) {
    this.#channel = openChannel(askChannel, onMessage);
  }

  send(message: object): Promise<void> {
    tell(message);
    return Promise.resolve();
  }

  close(): void {
    this.#channel.close();
  }
}

/** Events that keep a forked process alive when somebody listens. */
const keepingEvents: ReadonlySet<string | symbol> = new Set(["message", "disconnect"]);

class PrimaryProcess implements Primary {
  readonly thread: undefined;
  readonly #onMessage: (message: unknown) => void;
  readonly #onListener = (event: string | symbol, listener: unknown): void => {
    if (keepingEvents.has(event) && listener !== this.#onMessage) process.channel?.ref();
  };
  readonly #onListenerGone = (event: string | symbol): void => {
    if (keepingEvents.has(event)) this.#letGo();
  };

  constructor(onMessage: (message: unknown) => void) {
    this.#onMessage = onMessage;
    process.on("message", onMessage);
    // A worker of node:cluster lives until it is told to go; another process that only has us to listen may end.
    if (cluster.isWorker) return;
    this.#letGo();
    process.on("newListener", this.#onListener);
    process.on("removeListener", this.#onListenerGone);
  }

  send(message: object): Promise<void> {
    return new Promise((resolve) => {
      if (!process.connected || process.send === undefined) resolve();
      else {
        // A primary that is gone asks nothing any more.
        process.send(message, undefined, {}, () => {
          resolve();
        });
      }
    });
  }

  close(): void {
    process.off("newListener", this.#onListener);
    process.off("removeListener", this.#onListenerGone);
    process.off("message", this.#onMessage);
  }

  #letGo(): void {
    const others = process.listeners("message").filter((listener) => listener !== this.#onMessage).length;
    if (others + process.listenerCount("disconnect") === 0) process.channel?.unref();
  }
}
