import { randomUUID } from "node:crypto";

/** A form as it goes on the wire. */
export interface Multipart {
  readonly contentType: string;
  /** Bytes in all. */
  readonly length: number;
  /** Makes the bytes anew for each attempt. */
  readonly open: () => AsyncIterable<Uint8Array>;
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
  const boundary = `----proxyless-${randomUUID()}`;
  const parts: (Uint8Array | Blob)[] = [];
  let length = 0;
  const add = (part: Uint8Array | Blob): void => {
    parts.push(part);
    length += part instanceof Uint8Array ? part.byteLength : part.size;
  };
  for (const [name, value] of form) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escapeName(toCrlf(name))}"`;
    if (typeof value === "string") {
      add(Buffer.from(`${head}\r\n\r\n${toCrlf(value)}\r\n`));
      continue;
    }
    const type = value.type === "" ? "application/octet-stream" : value.type;
    add(Buffer.from(`${head}; filename="${escapeName(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`));
    add(value);
    add(Buffer.from("\r\n"));
  }
  add(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length,
    open: () => readParts(parts),
  };
}

async function* readParts(parts: readonly (Uint8Array | Blob)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* part.stream();
  }
}

function toCrlf(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, "\r\n");
}

function escapeName(text: string): string {
  return text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
}
