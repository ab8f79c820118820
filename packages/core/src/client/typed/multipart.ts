import { randomUUID } from "node:crypto";

import type { EncodedBody } from "./body.ts";

/**
 * `multipart/form-data` as WHATWG HTML writes it. Without files it is one piece of text, with files a stream that can be
 * opened again for a retry.
 */
export function encodeFormData(form: FormData): EncodedBody {
  // A boundary that could be guessed would let a field's text end its own part, so it is no matter of injected chance.
  const boundary = `proxyless-${randomUUID()}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escapeName(name)}"`;
    if (typeof value === "string") {
      parts.push(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`);
    } else {
      const type = /^[\x20-\x7e]+$/.test(value.type) ? value.type : "application/octet-stream";
      parts.push(
        `${head}; filename="${escapeName(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`,
        value,
        "\r\n",
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  const texts = parts.filter((part) => typeof part === "string");
  return {
    body: texts.length === parts.length ? texts.join("") : () => streamParts(parts),
    contentType: `multipart/form-data; boundary=${boundary}`,
    typeIsPartOfBody: true,
  };
}

function escapeName(name: string): string {
  return name.replace(/\r\n?|\n/g, "%0D%0A").replaceAll('"', "%22");
}

async function* streamParts(parts: readonly (string | Blob)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) {
    if (typeof part === "string") yield Buffer.from(part);
    else yield* part.stream();
  }
}
