import { fallsBackOnStatus } from "../../policies/fallback/falls-back.ts";
import type { CallRequest, ResponseHeaders, WholeSink } from "../request.ts";
import { ownHeaders } from "./answer.ts";
import type { FallbackHost } from "./fallback-layer.ts";
import type { Rescue } from "./rescue.ts";

/** Looks at an answer that is taken whole before its caller does. */
export class WholeFallback implements WholeSink {
  readonly mode = "whole";
  readonly #host: FallbackHost;
  readonly #request: CallRequest;
  readonly #sink: WholeSink;
  readonly #rescue: Rescue;

  constructor(host: FallbackHost, request: CallRequest, sink: WholeSink, rescue: Rescue) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#rescue = rescue;
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    const { clock, policy, stale } = this.#host;
    if (fallsBackOnStatus(policy, status)) {
      this.#rescue.instead(status, undefined, () => {
        this.#sink.done(status, headers, statusText, chunks);
      });
      return;
    }
    if (stale?.wants(this.#request, status, headers) === true) {
      // A copy: the chunks are pieces of the socket's buffers, which are far longer.
      const body = Buffer.concat(chunks);
      stale.keep(this.#request, { status, headers: ownHeaders(headers), statusText, body, at: clock.now() });
    }
    this.#sink.done(status, headers, statusText, chunks);
  }

  fail(error: unknown): void {
    this.#rescue.instead(undefined, error, () => {
      this.#sink.fail(error);
    });
  }
}
