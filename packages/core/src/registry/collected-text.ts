import { StringDecoder } from "node:string_decoder";

import type { BodyReader } from "./answer-body.ts";
import { BoundedBody } from "./bounded-body.ts";
import type { BodyParts } from "./bounded-body.ts";

/** Collects a text as it comes. It stays in pieces: to put megabytes together would take a turn of its own. */
export function collectedText(parts: BodyParts): BodyReader {
  const decoder = new StringDecoder("utf8");
  const pieces: string[] = [];
  return new BoundedBody(parts, {
    piece: (bytes) => {
      pieces.push(decoder.write(bytes));
    },
    end: () => {
      pieces.push(decoder.end());
      parts.reading.done(pieces);
    },
  });
}
