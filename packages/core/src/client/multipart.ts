import { randomUUID } from "node:crypto";

import type { RequestBody } from "../engine/request.ts";

/** A form as it goes on the wire. */
export interface Multipart {
  readonly contentType: string;
  /** Bytes in all. */
  readonly length: number;
  /** Text where the form holds no file, else a stream that is opened anew for each attempt. */
  readonly body: RequestBody;
}

/** Whether a value is a `FormData`: the built-in one, undici's, or a look-alike. */
export function isFormData(value: object): value is FormData {
  return (
    Symbol.toStringTag in value &&
    value[Symbol.toStringTag] === "FormData" &&
    "entries" in value &&
    typeof value.entries === "function"
  );
}

/** Encodes a form as `multipart/form-data` (HTML standard, RFC 7578). Later changes of `form` have no effect. */
export function encodeMultipart(form: FormData): Multipart {
  // A boundary that could be guessed would let a field's text end its own part, so it is no matter of injected chance.
  const boundary = `----proxyless-${randomUUID()}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escapeName(toCrlf(name))}"`;
    if (typeof value === "string") {
      parts.push(`${head}\r\n\r\n${toCrlf(value)}\r\n`);
      continue;
    }
    const type = /^[\x20-\x7e]+$/.test(value.type) ? value.type : "application/octet-stream";
    const file = `filename="${escapeName(value.name)}"`;
    parts.push(`${head}; ${file}\r\ncontent-type: ${type}\r\n\r\n`, value, "\r\n");
  }
  parts.push(`--${boundary}--\r\n`);
  const texts = parts.filter((part) => typeof part === "string");
  let length = 0;
  for (const part of parts) length += typeof part === "string" ? Buffer.byteLength(part) : part.size;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length,
    body: texts.length === parts.length ? texts.join("") : () => readParts(parts),
  };
}

async function* readParts(parts: readonly (string | Blob)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) {
    if (typeof part === "string") yield Buffer.from(part);
    else yield* part.stream();
  }
}

function toCrlf(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, "\r\n");
}

function escapeName(text: string): string {
  return text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
}
