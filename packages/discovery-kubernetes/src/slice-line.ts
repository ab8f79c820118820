import { isRecord } from "@proxyless/core/discovery";

import { EndpointWalk } from "./endpoint-walk.ts";
import { readEndpoints, readHead, readSlice } from "./slice.ts";
import type { Slice } from "./slice.ts";
import { readWatchEvent } from "./watch-event.ts";
import type { WatchEvent } from "./watch-event.ts";

/** What a line of a watch says. */
export interface SliceLine {
  readonly event: WatchEvent;
  /** What it put or deleted; `undefined` for an object that is no slice, and for every other event. */
  readonly slice: Slice | undefined;
}

const key = '"endpoints":[';
const firstName = /"name":"([^"\\]+)"/;
/** In the place of the endpoints: an array of nothing but this number. */
const placeholder = 0;

/** @throws SourceError of class `data` for a line that is no event at all */
export function readSliceLine(line: string): SliceLine {
  const event = readWatchEvent(line);
  return { event, slice: "object" in event && event.type !== "error" ? readSlice(event.object) : undefined };
}

/**
 * Reads a line as {@link readSliceLine} does, and less of it: an API server tells of a slice as a whole when one of its endpoints has
 * changed, and those that are written as they were in the line before are the very objects that were read then.
 * @param find a slice by its name, as it was told last
 * @throws SourceError as there
 */
export function readSliceLineAgain(line: string, find: (name: string) => Slice | undefined): SliceLine {
  return readApart(line, find) ?? readSliceLine(line);
}

/** @returns `undefined` for a line that is to be read as a whole, whatever it is */
function readApart(line: string, find: (name: string) => Slice | undefined): SliceLine | undefined {
  const at = line.indexOf(key) + key.length;
  if (at < key.length) return undefined;
  const name = firstName.exec(line.slice(0, at))?.[1];
  const before = name === undefined ? undefined : find(name);
  try {
    const walk = new EndpointWalk(line, at, before);
    const end = walk.toEnd();
    if (end === undefined) return undefined;
    const event = readWatchEvent(`${line.slice(0, at)}${placeholder}]${line.slice(end)}`);
    // Something else may have a key of that name too.
    if (!("object" in event) || event.type === "error" || !isPlaceholder(event.object)) return undefined;
    const head = readHead(event.object);
    if (head === undefined) return undefined;
    const { family, manager } = head;
    // Of these every endpoint has something.
    if (before !== undefined && (before.family !== family || before.manager !== manager)) return undefined;
    const { spans, known, values } = walk;
    const read = readEndpoints(head, values, known);
    // An endpoint that was skipped is not among those that the places are of.
    const writing = read.skipped > 0 ? undefined : { line, spans };
    return { event, slice: { ...head, ...read, writing } };
  } catch {
    return undefined;
  }
}

function isPlaceholder(object: unknown): boolean {
  const endpoints = isRecord(object) ? object["endpoints"] : undefined;
  return Array.isArray(endpoints) && endpoints.length === 1 && endpoints[0] === placeholder;
}
