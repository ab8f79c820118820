import type { IncomingMessage } from "node:http";

import type { BodyReader } from "./answer-body.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { Reading } from "./reading.ts";
import type { StreamReader } from "./registry-http.ts";

/** Reads lines as they come. */
export function followedLines(
  incoming: IncomingMessage,
  reader: StreamReader,
  maxLineBytes: number,
  { done, fail, heard, isOver }: Reading,
): BodyReader {
  const lines = new LineSplitter(maxLineBytes);
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };
  guarded(() => reader.opened?.(incoming.headers));
  return {
    heard,
    data: (chunk) => {
      if (isOver()) return;
      guarded(() => {
        lines.add(chunk, (line) => {
          // The rest of a chunk is still here when a line of it ended the stream.
          if (!isOver()) reader.line(line);
        });
      });
    },
    end: () => {
      done("");
    },
  };
}
