import type { IncomingMessage } from "node:http";

import type { Clock } from "../clock.ts";
import type { BodyReader } from "./answer-body.ts";
import { LineSplitter } from "./line-splitter.ts";
import { PacedReading } from "./paced-reading.ts";
import type { Flow } from "./paced-reading.ts";
import type { Reading } from "./reading.ts";
import type { StreamReader } from "./registry-http.ts";

/** What the reading of lines is made of. */
export interface FollowedLinesParts {
  readonly incoming: IncomingMessage;
  readonly reader: StreamReader;
  readonly flow: Flow;
  readonly maxLineBytes: number;
  readonly clock: Clock;
  readonly reading: Reading;
}

/** Reads lines as they come, in slices. */
export function followedLines(parts: FollowedLinesParts): BodyReader {
  const { clock, flow, incoming, maxLineBytes, reader, reading } = parts;
  const lines = new LineSplitter(maxLineBytes);
  const paced = new PacedReading({
    flow,
    clock,
    reading,
    piece: (bytes) => {
      lines.add(bytes, (line) => {
        // The rest of a piece is still here when a line of it ended the stream.
        if (!reading.isOver()) reader.line(line);
      });
    },
    end: () => {
      reading.done([]);
    },
  });
  try {
    reader.opened?.(incoming.headers);
  } catch (error) {
    reading.fail(error);
  }
  return {
    heard: reading.heard,
    data: (chunk) => {
      if (!reading.isOver()) paced.add(chunk);
    },
    end: () => {
      paced.end();
    },
  };
}
