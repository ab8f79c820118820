import { ProxylessError } from "../../errors.ts";
import type { ResponseControl, ResponseHeaders, StreamSink, WholeSink } from "../request.ts";
import type { Rescue } from "./rescue.ts";

/** Takes the whole answer of the service that stands in for another. */
export class ElsewhereWhole implements WholeSink {
  readonly mode = "whole";
  readonly #rescue: Rescue;
  readonly #sink: WholeSink;

  constructor(rescue: Rescue, sink: WholeSink) {
    this.#rescue = rescue;
    this.#sink = sink;
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    if (!this.#rescue.accepts(status)) this.#rescue.reject(`status ${status}`);
    else this.#sink.done(status, this.#rescue.accept(status, headers), statusText, chunks);
  }

  fail(error: unknown): void {
    this.#rescue.reject(reasonOf(error));
  }
}

/** Takes the streamed answer of the service that stands in for another. */
export class ElsewhereStream implements StreamSink {
  readonly mode = "stream";
  readonly #rescue: Rescue;
  readonly #sink: StreamSink;
  #accepted = false;

  constructor(rescue: Rescue, sink: StreamSink) {
    this.#rescue = rescue;
    this.#sink = sink;
  }

  wholeBody(status: number): boolean {
    return this.#sink.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    if (!this.#rescue.accepts(status)) {
      control.abort(new DOMException("The answer was not needed.", "AbortError"));
      this.#rescue.reject(`status ${status}`);
      return;
    }
    this.#accepted = true;
    this.#sink.head(status, this.#rescue.accept(status, headers), statusText, control);
  }

  data(chunk: Buffer): void {
    this.#sink.data(chunk);
  }

  end(trailers: ResponseHeaders): void {
    this.#sink.end(trailers);
  }

  fail(error: unknown): void {
    if (this.#accepted) this.#sink.fail(error);
    else this.#rescue.reject(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  return error instanceof ProxylessError ? error.code : "aborted";
}
