import type { Transform } from "node:stream";

import { isKnownCoding, undoCoding } from "../../content-coding.ts";
import type { ResponseControl, ResponseHeaders } from "../../engine/request.ts";
import type { ByteTarget } from "./response-body.ts";

// More layers than anyone needs are an attack on memory.
const maxCodings = 5;

/**
 * The codings of a response in the order in which they must be undone; empty when there is nothing to undo, which
 * includes codings that nobody here knows: then the bytes go to the user as they came.
 * @throws TypeError when there are more than five
 */
export function readCodings(headers: ResponseHeaders): string[] {
  const header = headers["content-encoding"];
  if (header === undefined) return [];
  const codings = (typeof header === "string" ? header : header.join(","))
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity")
    .toReversed();
  if (codings.length > maxCodings) {
    throw new TypeError(
      `the response has ${codings.length} content codings, at most ${maxCodings} are undone`,
    );
  }
  return codings.every((coding) => isKnownCoding(coding)) ? codings : [];
}

/** Undoes one content coding between the socket and the body, passing back-pressure on. */
export class Decoder implements ByteTarget, ResponseControl {
  readonly #coding: string;
  readonly #upstream: ResponseControl;
  #target: ByteTarget | undefined;
  #stream: Transform | undefined;
  #paused = false;
  #done = false;

  constructor(coding: string, upstream: ResponseControl) {
    this.#coding = coding;
    this.#upstream = upstream;
  }

  /** Where the decoded bytes go. */
  pipe(target: ByteTarget): void {
    this.#target = target;
  }

  push(chunk: Buffer): void {
    if (this.#done) return;
    // Made late: the kind of deflate shows in its first byte, and an empty body must not reach zlib at all.
    this.#stream ??= this.#open(chunk);
    if (!this.#stream.write(chunk)) this.#upstream.pause();
  }

  end(): void {
    if (this.#stream === undefined) this.#finish();
    else this.#stream.end();
  }

  fail(error: unknown): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream?.destroy();
    this.#target?.fail(error);
  }

  pause(): void {
    this.#paused = true;
    if (this.#stream === undefined) this.#upstream.pause();
    else this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#stream === undefined) this.#upstream.resume();
    else this.#stream.resume();
  }

  abort(reason: Error): void {
    this.#done = true;
    this.#stream?.destroy();
    this.#upstream.abort(reason);
  }

  #open(first: Buffer): Transform {
    // As lenient about a missing end as browsers are: whether all bytes came is the framing's business.
    const stream = undoCoding(this.#coding, first, "anywhere");
    stream.on("data", (chunk: Buffer) => this.#target?.push(chunk));
    stream.on("drain", () => {
      this.#upstream.resume();
    });
    stream.on("end", () => {
      this.#finish();
    });
    stream.on("error", (cause) => {
      if (this.#done) return;
      const error = new TypeError(`the response's ${this.#coding} coding is broken`, { cause });
      this.#upstream.abort(error);
      this.fail(error);
    });
    if (this.#paused) stream.pause();
    return stream;
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#target?.end();
  }
}
