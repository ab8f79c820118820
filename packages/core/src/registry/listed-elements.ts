import type { BodyReader } from "./answer-body.ts";
import { BoundedBody } from "./bounded-body.ts";
import type { BodyParts } from "./bounded-body.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import type { ListReader } from "./registry-http.ts";

/** Reads the elements of a JSON array as they come. */
export function listedElements(reader: ListReader, parts: BodyParts): BodyReader {
  const splitter = new JsonArraySplitter(reader, parts.dataError);
  return new BoundedBody(parts, {
    piece: (bytes) => {
      splitter.add(bytes);
    },
    end: () => {
      splitter.end();
      parts.reading.done([]);
    },
  });
}
