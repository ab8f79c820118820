import type { RequestBody } from "../../engine/request.ts";
import { show } from "../../errors.ts";
import { encodeMultipart, isFormData } from "../multipart.ts";
import { requestError } from "./encode.ts";

/** A body that is not JSON, with the content type that belongs to it. */
export interface EncodedBody {
  readonly body: RequestBody;
  readonly contentType: string | undefined;
  /** True when only this content type describes the body, whatever the caller set. */
  readonly typeIsPartOfBody?: true;
}

/**
 * The body as JSON.
 * @throws {ProxylessError} `ERR_PROXYLESS_REQUEST` for what JSON cannot hold: circular objects, bigints, symbols
 */
export function encodeJson(body: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(body);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n", 1)[0] : "toJSON threw";
    throw requestError(`body cannot be written as JSON: ${why}`, error);
  }
  if (json === undefined) throw requestError(`body cannot be written as JSON: it is ${show(body)}`);
  return json;
}

/**
 * The body when it is not meant as JSON, or undefined when it is. Text, bytes, `URLSearchParams`, `Blob`, `FormData` and
 * `() => stream` can be sent again on a retry; a stream is sent once.
 */
export function encodeSpecial(body: unknown): EncodedBody | undefined {
  if (typeof body === "object") return body === null ? undefined : encodeObject(body);
  if (typeof body === "string") return { body, contentType: "text/plain;charset=UTF-8" };
  if (typeof body === "function") return { body: () => readChunks(() => body()), contentType: octets };
  if (typeof body === "symbol" || typeof body === "bigint") {
    throw requestError(`body must be data, text, bytes or a stream, got ${show(body)}`);
  }
  return undefined;
}

const octets = "application/octet-stream";

function encodeObject(body: object): EncodedBody | undefined {
  const prototype: unknown = Object.getPrototypeOf(body);
  if (prototype === Object.prototype || prototype === null || Array.isArray(body)) return undefined;
  if (body instanceof Uint8Array) return { body, contentType: octets };
  if (ArrayBuffer.isView(body)) {
    return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength), contentType: octets };
  }
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer) {
    return { body: new Uint8Array(body), contentType: octets };
  }
  return encodeTagged(body);
}

/** By tag and not by class: undici on npm and Node bring a `FormData` each. */
function encodeTagged(body: object): EncodedBody | undefined {
  const tag = Object.prototype.toString.call(body).slice(8, -1);
  switch (tag) {
    case "URLSearchParams":
      // oxlint-disable-next-line typescript/no-base-to-string -- the tag says that it has a text form of its own
      return { body: String(body), contentType: formType };
    case "FormData":
      return isFormData(body) ? { ...encodeMultipart(body), typeIsPartOfBody: true } : undefined;
    case "Blob":
    case "File":
      if (isBlob(body))
        return { body: () => body.stream(), contentType: body.type === "" ? octets : body.type };
      break;
    case "Promise":
    case "Map":
    case "Set":
    case "WeakMap":
    case "WeakSet":
      // JSON would send `{}` for each of these without a word.
      throw requestError(`body must be data, text, bytes or a stream, got a ${tag}`);
    default:
  }
  if (isAsyncIterable(body)) return { body: readChunks(() => body), contentType: octets };
  return undefined;
}

const formType = "application/x-www-form-urlencoded;charset=UTF-8";

/**
 * A plain object as `application/x-www-form-urlencoded`; lists repeat their name, `undefined` and `null` are left out.
 */
export function encodeForm(body: object): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === undefined || item === null) continue;
      if (typeof item === "object")
        throw requestError(`form field "${name}" must be text, got ${show(item)}`);
      form.append(name, String(item));
    }
  }
  return form.toString();
}

/** Opens the stream when it is first read and lets only bytes and text through. */
async function* readChunks(open: () => unknown): AsyncGenerator<Uint8Array, void, undefined> {
  const source: unknown = await open();
  if (!isAsyncIterable(source)) {
    throw requestError(`body function must return an async iterable of bytes, got ${show(source)}`);
  }
  for await (const chunk of source) {
    if (chunk instanceof Uint8Array) yield chunk;
    else if (typeof chunk === "string") yield Buffer.from(chunk);
    else throw requestError(`body stream must hold bytes or text, got ${show(chunk)}`);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isBlob(value: object): value is Blob {
  return "stream" in value && "arrayBuffer" in value;
}

/** Ends a stream the engine will not read any more, so that its file or socket is not kept open. */
export function releaseBody(body: unknown): void {
  if (body instanceof ReadableStream) {
    if (!body.locked) body.cancel().catch(() => {});
  } else if (
    typeof body === "object" &&
    body !== null &&
    "destroy" in body &&
    typeof body.destroy === "function"
  ) {
    body.destroy();
  }
}
