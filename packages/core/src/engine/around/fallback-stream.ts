import { fallsBackOnStatus } from "../../policies/fallback/falls-back.ts";
import type { CallRequest, ResponseControl, ResponseHeaders, StreamSink } from "../request.ts";
import { ownHeaders } from "./answer.ts";
import type { FallbackHost } from "./fallback-layer.ts";
import type { Rescue } from "./rescue.ts";
import { StreamReader } from "./stream-reader.ts";

/** A failed answer is kept this far until it is known whether there is another; the rest waits on the socket. */
const KEPT_BYTES = 64 * 1024;

interface Head {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly statusText: string;
  readonly control: ResponseControl;
}

/** Looks at an answer that streams before its caller does. One that has begun to stream to the caller is not replaced any more. */
export class StreamFallback implements StreamSink {
  readonly mode = "stream";
  readonly #host: FallbackHost;
  readonly #request: CallRequest;
  readonly #sink: StreamSink;
  readonly #rescue: Rescue;
  /** The head of a failed answer that the caller has not seen. */
  #held: Head | undefined;
  /** The body: of a failed answer that is held, or of a good one that is going to be kept. */
  #chunks: Buffer[] | undefined;
  #bytes = 0;
  #ended: ResponseHeaders | undefined;
  #keep: Omit<Head, "control"> | undefined;
  #isCommitted = false;
  #isRescuing = false;
  /** Hands a failed answer on after all. */
  #reader: StreamReader | undefined;

  constructor(host: FallbackHost, request: CallRequest, sink: StreamSink, rescue: Rescue) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#rescue = rescue;
  }

  wholeBody(status: number): boolean {
    return fallsBackOnStatus(this.#host.policy, status) || this.#sink.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    const { policy, stale } = this.#host;
    if (fallsBackOnStatus(policy, status)) {
      this.#held = { status, headers, statusText, control };
      this.#chunks = [];
      return;
    }
    if (stale?.wants(this.#request, status, headers) === true) {
      this.#keep = { status, headers: ownHeaders(headers), statusText };
      this.#chunks = [];
    }
    this.#isCommitted = true;
    this.#sink.head(status, headers, statusText, control);
  }

  data(chunk: Buffer): void {
    if (this.#reader !== undefined) {
      this.#reader.data(chunk);
      return;
    }
    this.#bytes += chunk.length;
    if (this.#held === undefined) {
      if (this.#bytes > (this.#host.stale?.maxEntryBytes ?? 0)) this.#keep = this.#chunks = undefined;
      this.#chunks?.push(chunk);
      this.#sink.data(chunk);
      return;
    }
    this.#chunks?.push(chunk);
    if (this.#bytes <= KEPT_BYTES || this.#isRescuing) return;
    this.#held.control.pause();
    this.#replace(this.#held, undefined);
  }

  end(trailers: ResponseHeaders): void {
    if (this.#reader !== undefined) {
      this.#reader.end(trailers);
      return;
    }
    this.#ended = trailers;
    if (this.#held !== undefined) {
      if (!this.#isRescuing) this.#replace(this.#held, undefined);
      return;
    }
    const { clock, stale } = this.#host;
    if (this.#keep !== undefined && this.#chunks !== undefined) {
      // A copy: the chunks are pieces of the socket's buffers, which are far longer.
      const body = Buffer.concat(this.#chunks);
      stale?.keep(this.#request, { ...this.#keep, body, at: clock.now() });
    }
    this.#sink.end(trailers);
  }

  fail(error: unknown): void {
    const pass = (): void => {
      this.#sink.fail(error);
    };
    if (this.#reader !== undefined) this.#reader.fail(error);
    else if (this.#isCommitted) pass();
    else if (!this.#isRescuing) this.#rescue.instead(this.#held?.status, error, pass);
    else this.#rescue.broke(pass);
  }

  /** The answer failed: something else is answered or, where there is nothing else, this very answer. */
  #replace(head: Head, error: unknown): void {
    this.#isRescuing = true;
    const { control, headers, status, statusText } = head;
    this.#rescue.instead(
      status,
      error,
      () => {
        const reader = (this.#reader = new StreamReader(this.#sink, {
          readerPaused: (isPaused) => {
            if (isPaused) control.pause();
            else control.resume();
          },
          readerGone: (reason) => {
            control.abort(reason);
          },
        }));
        reader.head(status, headers, statusText);
        for (const chunk of this.#chunks ?? []) reader.data(chunk);
        this.#chunks = undefined;
        if (this.#ended !== undefined) reader.end(this.#ended);
        else if (!reader.paused) control.resume();
      },
      () => {
        this.#chunks = undefined;
        if (this.#ended === undefined) {
          control.abort(new DOMException("Something else was answered instead.", "AbortError"));
        }
      },
    );
  }
}
