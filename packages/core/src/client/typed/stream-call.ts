import type { CallRequest, ResponseControl, ResponseHeaders, StreamSink } from "../../engine/request.ts";
import { releaseBody } from "./body.ts";
import type { LooseResult } from "./client-types.ts";
import { decodeError } from "./decode.ts";
import { CallResponse } from "./response.ts";

/** Bytes that may wait for the reader before the socket is paused. */
const highWaterMark = 65_536;

/**
 * Settles one call with a stream. The socket is paused while the reader is behind, and a cancelled stream drops the
 * rest of the answer. Answers outside 2xx are read whole, as errors.
 */
export class StreamCall implements StreamSink {
  readonly mode = "stream";
  readonly #resolve: (result: LooseResult) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #service: string;
  readonly #request: CallRequest;
  readonly #keepEmptyErrors: boolean;
  readonly #source: unknown;
  readonly #errorChunks: Buffer[] = [];
  #response: CallResponse | undefined;
  #control: ResponseControl | undefined;
  #reader: ReadableStreamDefaultController<Uint8Array> | undefined;
  #paused = false;
  #over = false;

  /** @param source the caller's own body, ended if the call fails */
  constructor(
    resolve: (result: LooseResult) => void,
    reject: (reason: unknown) => void,
    service: string,
    request: CallRequest,
    keepEmptyErrors: boolean,
    source: unknown,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#service = service;
    this.#request = request;
    this.#keepEmptyErrors = keepEmptyErrors;
    this.#source = source;
  }

  /** An error body is collected before the caller hears of the answer. */
  wholeBody(status: number): boolean {
    return status < 200 || status > 299;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    const response = new CallResponse(status, statusText, headers, this.#service, this.#request);
    this.#response = response;
    this.#control = control;
    if (!response.ok) return;
    const data = new ReadableStream<Uint8Array>(
      {
        start: (reader) => {
          this.#reader = reader;
        },
        pull: () => {
          this.#resume();
        },
        cancel: (reason) => {
          this.#over = true;
          control.abort(reason instanceof Error ? reason : cancelled());
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark }),
    );
    this.#resolve({ data, error: undefined, response });
  }

  data(chunk: Buffer): void {
    const reader = this.#reader;
    if (this.#over) return;
    if (reader === undefined) {
      this.#errorChunks.push(chunk);
      return;
    }
    reader.enqueue(chunk);
    if (!this.#paused && (reader.desiredSize ?? 0) <= 0) {
      this.#paused = true;
      this.#control?.pause();
    }
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#reader !== undefined) {
      this.#reader.close();
      return;
    }
    const response = this.#response;
    if (response === undefined) return;
    const error = decodeError(this.#errorChunks, response.status, response.statusText, this.#keepEmptyErrors);
    this.#resolve({ data: undefined, error, response });
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    releaseBody(this.#source);
    if (this.#reader === undefined) this.#reject(error);
    else this.#reader.error(error);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#control?.resume();
  }
}

function cancelled(): Error {
  return new DOMException("the response stream was cancelled", "AbortError");
}
