import type { ChildProcess } from "node:child_process";

import type { Link, LinkListener } from "./link.ts";

/** To one process that was forked. */
export class ProcessLink implements Link {
  readonly #child: ChildProcess;
  readonly #source: string;
  readonly #listener: LinkListener;
  readonly #onMessage = (message: unknown): void => {
    this.#listener.heard(this.#source, message);
  };
  readonly #onEnd = (): void => {
    this.#listener.ended(this.#source);
  };

  constructor(child: ChildProcess, listener: LinkListener) {
    this.#child = child;
    this.#source = `process-${child.pid}`;
    this.#listener = listener;
    child.on("message", this.#onMessage);
    // Not its exit, which may be told before all that it said was heard.
    child.on("disconnect", this.#onEnd);
  }

  send(message: object, sources?: ReadonlySet<string>): void {
    if (!this.#child.connected || sources?.has(this.#source) === false) return;
    // A channel that breaks meanwhile is the end of it, and that is told.
    this.#child.send(message, () => undefined);
  }

  close(): void {
    this.#child.off("message", this.#onMessage);
    this.#child.off("disconnect", this.#onEnd);
  }
}
