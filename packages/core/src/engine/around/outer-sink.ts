import type { Clock } from "../../clock.ts";
import type { OuterCall } from "../outer-call.ts";
import type { ResponseControl, ResponseHeaders, ResponseSink, StreamSink, WholeSink } from "../request.ts";

/** Passes an answer on and tells the call once how it ended, before its caller hears of it. */
export function outerSink(call: OuterCall, sink: ResponseSink, clock: Clock): ResponseSink {
  return sink.mode === "whole" ? new OuterWhole(call, sink) : new OuterStream(call, sink, clock);
}

class OuterWhole implements WholeSink {
  readonly mode = "whole";
  readonly #call: OuterCall;
  readonly #sink: WholeSink;

  constructor(call: OuterCall, sink: WholeSink) {
    this.#call = call;
    this.#sink = sink;
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    const responseBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#call.over({ status, error: undefined, headers, headAt: 0, responseBytes });
    this.#sink.done(status, headers, statusText, chunks);
  }

  fail(error: unknown): void {
    this.#call.over({ status: 0, error, headers: undefined, headAt: 0, responseBytes: 0 });
    this.#sink.fail(error);
  }
}

/** Stands between the reader and the answer in both directions: one that is given up says nothing more to its sink. */
class OuterStream implements StreamSink, ResponseControl {
  readonly mode = "stream";
  readonly #call: OuterCall;
  readonly #sink: StreamSink;
  readonly #clock: Clock;
  #control: ResponseControl | undefined;
  #status = 0;
  #headers: ResponseHeaders | undefined;
  #headAt = 0;
  #bytes = 0;
  #isOver = false;

  constructor(call: OuterCall, sink: StreamSink, clock: Clock) {
    this.#call = call;
    this.#sink = sink;
    this.#clock = clock;
  }

  wholeBody(status: number): boolean {
    return this.#sink.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    this.#status = status;
    this.#headers = headers;
    this.#headAt = this.#clock.now();
    this.#control = control;
    this.#sink.head(status, headers, statusText, this);
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
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
    // First, so that how the call itself ended is known.
    this.#control?.abort(reason);
    this.#over(0, reason);
  }

  #over(status: number, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const headers = status === 0 ? undefined : this.#headers;
    this.#call.over({ status, error, headers, headAt: this.#headAt, responseBytes: this.#bytes });
  }
}
