import type { MeshEventOf } from "@proxyless/core";

import type { EventSource } from "../event-log.ts";
import { Trouble } from "../trouble.ts";
import { resolveAccessLog } from "./access-log-options.ts";
import type { AccessLogOptions, ResolvedAccessLog } from "./access-log-options.ts";
import { LineWriter } from "./line-writer.ts";
import type { LineTarget } from "./line-writer.ts";

/** The access log of a mesh, until it is stopped. */
export interface AccessLog extends AsyncDisposable {
  /** Lines that were not written because the destination did not take them. */
  readonly dropped: number;
  /** How often the destination failed. Calls are not touched by it; the first time is said as a warning of the process. */
  readonly failures: number;
  /** Listens no more, and waits until what is kept is handed on, for `flushMs` at most. The destination stays open. */
  stop(): Promise<void>;
}

/**
 * Writes one line for each call of a mesh that went out and is over, in Envoy's format or any other made of its commands, as text or JSON.
 * Headers are not logged unless the format names them, those that hold credentials not even then; queries never are.
 * @param destination a writable stream (`process.stdout`, a file, `pino.destination()`), or a function of lines
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option or format
 */
export function accessLog(
  mesh: EventSource,
  destination: LineTarget,
  options: AccessLogOptions = {},
): AccessLog {
  return new Writing(mesh, destination, resolveAccessLog(destination, options));
}

class Writing implements AccessLog {
  readonly #options: ResolvedAccessLog;
  readonly #trouble = new Trouble("the access log");
  readonly #writer: LineWriter;
  readonly #off: () => void;

  constructor(mesh: EventSource, destination: LineTarget, options: ResolvedAccessLog) {
    this.#options = options;
    this.#writer = new LineWriter(destination, options.maxBufferedLines, this.#trouble, options.onDropped);
    this.#off = mesh.on("call.completed", (event) => {
      this.#trouble.guard(() => {
        this.#hear(event);
      });
    });
  }

  get dropped(): number {
    return this.#writer.dropped;
  }

  get failures(): number {
    return this.#trouble.count;
  }

  async stop(): Promise<void> {
    this.#off();
    await this.#writer.end(this.#options.clock, this.#options.flushMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #hear(event: MeshEventOf<"call.completed">): void {
    const { admits, clock, format } = this.#options;
    if (!admits(event)) return;
    const endedAt = clock.wallNow();
    this.#writer.write(format({ event, startedAt: endedAt - event.durationMs, endedAt }));
  }
}
