import cluster from "node:cluster";
import type { Worker } from "node:cluster";

import type { Link, LinkListener } from "./link.ts";

/** To the workers of `node:cluster`, those that are there and those that will be. */
export class ClusterLink implements Link {
  readonly #listener: LinkListener;
  readonly #onMessage = (worker: Worker, message: unknown): void => {
    this.#listener.heard(sourceOf(worker), message);
  };
  readonly #onEnd = (worker: Worker): void => {
    this.#listener.ended(sourceOf(worker));
  };

  constructor(listener: LinkListener) {
    this.#listener = listener;
    cluster.on("message", this.#onMessage);
    // Not its exit, which may be told before all that it said was heard.
    cluster.on("disconnect", this.#onEnd);
  }

  send(message: object, sources?: ReadonlySet<string>): void {
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker === undefined || !worker.isConnected() || sources?.has(sourceOf(worker)) === false) continue;
      // Whose channel breaks meanwhile has ended, and that is told.
      worker.send(message, () => undefined);
    }
  }

  close(): void {
    cluster.off("message", this.#onMessage);
    cluster.off("disconnect", this.#onEnd);
  }
}

function sourceOf({ id }: Worker): string {
  return `cluster-${id}`;
}
