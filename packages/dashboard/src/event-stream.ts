import type { ServerResponse } from "node:http";

import type { Clock } from "@proxyless/core";

/** A client that has not read for so long is dropped, in milliseconds. */
const stuckMs = 15_000;

/**
 * Server-sent events to one client. What a client does not read is not queued: while its connection is full it is sent nothing, and
 * its caller sends the whole state once it reads again.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #fullSince: number | undefined;

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.on("error", () => response.destroy());
    response.on("drain", () => {
      this.#fullSince = undefined;
    });
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      // `no-transform` keeps compressing middleware from holding events back.
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
    response.flushHeaders();
  }

  /** Calls `listener` once the client is gone. */
  onClose(listener: () => void): void {
    this.#response.once("close", listener);
  }

  /**
   * Whether the client can be sent something now. One that has not read for long is dropped here.
   */
  get isReady(): boolean {
    if (this.#response.destroyed || this.#response.writableEnded) return false;
    if (this.#fullSince === undefined) return true;
    if (this.#clock.now() - this.#fullSince > stuckMs) this.#response.destroy();
    return false;
  }

  /** Sends raw lines, which end with an empty one. */
  send(text: string): void {
    if (!this.#response.write(text)) this.#fullSince ??= this.#clock.now();
  }

  end(): void {
    this.#response.end();
    // One that does not read would keep the socket, and the server, open.
    if (this.#fullSince !== undefined) this.#response.destroy();
  }
}

/** An event as it goes over the wire. JSON has no line breaks of its own. */
export function eventText(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
