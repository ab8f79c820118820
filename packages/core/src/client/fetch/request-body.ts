import { Readable } from "node:stream";
import { isAnyArrayBuffer } from "node:util/types";

import type { RequestBody } from "../../engine/request.ts";
import { ProxylessError, show } from "../../errors.ts";
import { encodeMultipart, isFormData } from "../multipart.ts";
import { isDisturbed } from "./stream-state.ts";

/** A request body, ready for the engine. */
export interface ExtractedBody {
  readonly body: RequestBody | null;
  /** The `content-type` that goes with it when the caller names none. */
  readonly contentType: string | undefined;
  /** Bytes, when a stream's length is known beforehand. */
  readonly length: number | undefined;
  /** It can be sent only once. */
  readonly oneShot: boolean;
  /** Ends a stream that was not sent. */
  readonly discard: ((reason: unknown) => void) | undefined;
}

const encoder = new TextEncoder();

/**
 * Extracts a body as `fetch` does. What can be sent twice (everything but streams and iterables) is kept so that it
 * can be; bytes are copied, so that later changes have no effect.
 * @throws TypeError when a stream is locked or was read from
 * @throws ProxylessError `ERR_PROXYLESS_REQUEST` when the value is of no kind that has a body's bytes
 */
export function extractBody(value: unknown): ExtractedBody {
  if (typeof value === "string") return whole(value, "text/plain;charset=UTF-8");
  if (typeof value !== "object" || value === null) {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
      return whole(String(value), "text/plain;charset=UTF-8");
    }
    throw wrongKind(value);
  }
  if (ArrayBuffer.isView(value)) {
    return whole(new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice(), undefined);
  }
  if (isAnyArrayBuffer(value)) return whole(new Uint8Array(value).slice(), undefined);
  if (value instanceof URLSearchParams) {
    return whole(value.toString(), "application/x-www-form-urlencoded;charset=UTF-8");
  }
  if (isFormData(value)) {
    const { body, contentType, length } = encodeMultipart(value);
    return {
      body,
      contentType,
      length: typeof body === "string" ? undefined : length,
      oneShot: false,
      discard: undefined,
    };
  }
  if (value instanceof Blob) {
    const contentType = value.type === "" ? undefined : value.type;
    return {
      body: () => value.stream(),
      contentType,
      length: value.size,
      oneShot: false,
      discard: undefined,
    };
  }
  if (isAsyncIterable(value)) {
    refuseUsed(value);
    return {
      body: toBytes(value),
      contentType: undefined,
      length: undefined,
      oneShot: true,
      discard: discarder(value),
    };
  }
  // eslint-disable-next-line typescript/no-base-to-string -- what has no text of its own is refused below
  const text = String(value);
  if (text.startsWith("[object ")) throw wrongKind(value);
  return whole(text, "text/plain;charset=UTF-8");
}

/** Bytes of an iterable whose chunks may be strings too. */
export function toBytes(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncIterable<Uint8Array> {
  // A stream may break before anyone reads it, which without a listener would end the process; its reader is told.
  if (source instanceof Readable) source.on("error", () => undefined);
  return readBytes(source);
}

async function* readBytes(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (chunk instanceof Uint8Array) yield chunk;
    else if (typeof chunk === "string") yield encoder.encode(chunk);
    else if (isAnyArrayBuffer(chunk)) yield new Uint8Array(chunk);
    else if (ArrayBuffer.isView(chunk))
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    else throw new TypeError(`a chunk of a request body must be bytes or a string, got ${show(chunk)}`);
  }
}

/** @throws TypeError when a stream is locked or was read from */
export function refuseUsed(stream: object): void {
  const locked = "locked" in stream && stream.locked === true;
  if (locked || (stream instanceof ReadableStream && isDisturbed(stream))) {
    throw new TypeError("the request body must not be locked or already used");
  }
}

function whole(body: string | Uint8Array, contentType: string | undefined): ExtractedBody {
  return { body, contentType, length: undefined, oneShot: false, discard: undefined };
}

function discarder(source: object): ((reason: unknown) => void) | undefined {
  if (!(source instanceof ReadableStream)) return undefined;
  return (reason) => {
    if (!source.locked) source.cancel(reason).catch(() => undefined);
  };
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === "function";
}

function wrongKind(value: unknown): ProxylessError {
  return new ProxylessError(
    "ERR_PROXYLESS_REQUEST",
    `body must be a string, bytes, a Blob, a FormData, a URLSearchParams or a stream, got ${show(value)}`,
  );
}
