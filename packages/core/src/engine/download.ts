import { headerIndex } from "../header-list.ts";
import type { BodySink } from "../transport/attempt.ts";
import type { ResponseHeaders } from "../transport/response.ts";
import type { CallRequest } from "./request.ts";

const contentRange = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/;

/**
 * A streamed answer that can be had again from where it broke off (RFC 9110, sections 13.1.5 and 14.2): `If-Range` has the service
 * send the rest of the very same representation, or else the whole of another one, which is then of no use.
 */
export class Download implements BodySink {
  readonly #sink: BodySink;
  readonly #etag: string;
  #received = 0;

  private constructor(sink: BodySink, etag: string) {
    this.#sink = sink;
    this.#etag = etag;
  }

  /** Undefined for what cannot be resumed. */
  static of(
    { headers: given, method }: CallRequest,
    status: number,
    headers: ResponseHeaders,
    sink: BodySink,
  ): Download | undefined {
    const { etag } = headers;
    if (method !== "GET" || status !== 200 || headers["accept-ranges"] !== "bytes") return undefined;
    if (typeof etag !== "string" || !etag.startsWith('"')) return undefined;
    if (headerIndex(given, "range") !== -1) return undefined;
    return new Download(sink, etag);
  }

  /** Bytes so far, in all its parts. */
  get received(): number {
    return this.#received;
  }

  data(chunk: Buffer): void {
    this.#received += chunk.length;
    this.#sink.data(chunk);
  }

  /** What the request for the rest has besides. */
  headers(): readonly string[] {
    return ["range", `bytes=${this.#received}-`, "if-range", this.#etag];
  }

  /** Whether an answer is the rest of this one. */
  continues(status: number, headers: ResponseHeaders): boolean {
    const range = headers["content-range"];
    const from = typeof range === "string" ? contentRange.exec(range)?.[1] : undefined;
    return status === 206 && headers["etag"] === this.#etag && Number(from) === this.#received;
  }
}
