import type { ResponseControl, ResponseHeaders, StreamSink } from "../request.ts";

/** What a reader tells of itself. */
export interface ReaderOwner {
  /** It takes no more for now, or again. */
  readerPaused(isPaused: boolean): void;
  /** It wants the rest no more. */
  readerGone(reason: Error): void;
}

/**
 * Hands a response to a sink at the sink's own pace: what comes while the sink pauses is kept, so that others who read the same response
 * need not wait.
 */
export class StreamReader implements ResponseControl {
  readonly #sink: StreamSink;
  readonly #owner: ReaderOwner;
  readonly #queue: Buffer[] = [];
  #trailers: ResponseHeaders | undefined;
  #paused = false;
  #over = false;
  #running = false;

  constructor(sink: StreamSink, owner: ReaderOwner) {
    this.#sink = sink;
    this.#owner = owner;
  }

  get paused(): boolean {
    return this.#paused;
  }

  head(status: number, headers: ResponseHeaders, statusText: string): void {
    this.#running = true;
    this.#sink.head(status, headers, statusText, this);
    this.#running = false;
    this.#run();
  }

  data(chunk: Buffer): void {
    if (this.#over) return;
    this.#queue.push(chunk);
    this.#run();
  }

  end(trailers: ResponseHeaders): void {
    this.#trailers = trailers;
    this.#run();
  }

  /** Nothing more is handed on. */
  drop(): void {
    this.#stop();
  }

  /** The response broke: what is kept is of no use any more. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#stop();
    this.#sink.fail(error);
  }

  pause(): void {
    if (this.#paused || this.#over) return;
    this.#paused = true;
    this.#owner.readerPaused(true);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#run();
    if (!this.#paused && !this.#over) this.#owner.readerPaused(false);
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.#stop();
    this.#owner.readerGone(reason);
  }

  /** Runs once at a time: a sink may pause, resume or give up while it is being handed something. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    while (!this.#paused && !this.#over) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) this.#sink.data(chunk);
      else if (this.#trailers === undefined) break;
      else {
        this.#stop();
        this.#sink.end(this.#trailers);
      }
    }
    this.#running = false;
  }

  #stop(): void {
    this.#over = true;
    this.#queue.length = 0;
  }
}
