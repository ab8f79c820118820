import type { ResponseControl, ResponseHeaders, ResponseSink, StreamSink, WholeSink } from "../request.ts";

/** Told once how a call ended, before its caller hears of it; `status` is 0 without an answer. */
export type OnCallOver = (status: number, error: unknown) => void;

/** Passes an answer on and tells when the call is over. */
export function tracedSink(sink: ResponseSink, onOver: OnCallOver): ResponseSink {
  return sink.mode === "whole" ? new TracedWhole(sink, onOver) : new TracedStream(sink, onOver);
}

class TracedWhole implements WholeSink {
  readonly mode = "whole";
  readonly #sink: WholeSink;
  readonly #onOver: OnCallOver;

  constructor(sink: WholeSink, onOver: OnCallOver) {
    this.#sink = sink;
    this.#onOver = onOver;
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    this.#onOver(status, undefined);
    this.#sink.done(status, headers, statusText, chunks);
  }

  fail(error: unknown): void {
    this.#onOver(0, error);
    this.#sink.fail(error);
  }
}

/** Stands between the reader and the answer in both directions: one that is given up says nothing more to its sink. */
class TracedStream implements StreamSink, ResponseControl {
  readonly mode = "stream";
  readonly #sink: StreamSink;
  readonly #onOver: OnCallOver;
  #control: ResponseControl | undefined;
  #status = 0;
  #isOver = false;

  constructor(sink: StreamSink, onOver: OnCallOver) {
    this.#sink = sink;
    this.#onOver = onOver;
  }

  wholeBody(status: number): boolean {
    return this.#sink.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    this.#status = status;
    this.#control = control;
    this.#sink.head(status, headers, statusText, this);
  }

  data(chunk: Buffer): void {
    this.#sink.data(chunk);
  }

  end(trailers: ResponseHeaders): void {
    this.#over(this.#status, undefined);
    this.#sink.end(trailers);
  }

  fail(error: unknown): void {
    this.#over(0, error);
    this.#sink.fail(error);
  }

  pause(): void {
    this.#control?.pause();
  }

  resume(): void {
    this.#control?.resume();
  }

  abort(reason: Error): void {
    this.#over(0, reason);
    this.#control?.abort(reason);
  }

  #over(status: number, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver(status, error);
  }
}
