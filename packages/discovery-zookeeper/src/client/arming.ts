import type { JuteWriter } from "./jute-writer.ts";
import type { Link } from "./link.ts";
import { ops, xids } from "./protocol.ts";
import type { OneShotWatches } from "./watch-register.ts";

/** What a connection is told in one request: far below the megabyte that ZooKeeper reads at most. */
const chunkBytes = 128 * 1024;

export type Kind = "data" | "exists" | "children" | "recursive";

/**
 * Sets the watches of a session again on its new connection. For those that shoot once, ZooKeeper tells at once what was
 * missed since `lastZxid`; recursive ones only hear what comes. Many watches go in several requests, each far shorter than
 * what ZooKeeper reads at most.
 */
export async function armAgain(
  link: Link,
  lastZxid: bigint,
  watches: OneShotWatches,
  recursive: readonly string[],
): Promise<void> {
  const all: (readonly [Kind, string])[] = [
    ...Array.from(watches.data, (path) => ["data", path] as const),
    ...Array.from(watches.exists, (path) => ["exists", path] as const),
    ...Array.from(watches.children, (path) => ["children", path] as const),
    ...recursive.map((path) => ["recursive", path] as const),
  ];
  await Promise.all(inChunks(all).map((chunk) => send(link, lastZxid, chunk)));
}

/** Cuts a list so that the texts of each part stay below the limit; one that is alone beyond it has a part of its own. */
export function inChunks<T extends readonly [Kind, string]>(
  all: readonly T[],
  limit: number = chunkBytes,
): T[][] {
  const chunks: T[][] = [];
  let size = limit;
  for (const entry of all) {
    const bytes = Buffer.byteLength(entry[1]) + 4;
    if (size + bytes > limit) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)?.push(entry);
    size += bytes;
  }
  return chunks;
}

async function send(
  link: Link,
  lastZxid: bigint,
  chunk: readonly (readonly [Kind, string])[],
): Promise<void> {
  const of = (kind: Kind): string[] => chunk.filter((entry) => entry[0] === kind).map(([, path]) => path);
  const recursive = of("recursive");
  // A server before 3.6 knows only the older request.
  const op = recursive.length === 0 ? ops.setWatches : ops.setWatches2;
  await link.requestAs(xids.setWatches, op, "set the watches again", (writer) => {
    writer.long(lastZxid);
    for (const paths of [of("data"), of("exists"), of("children")]) writePaths(writer, paths);
    if (op === ops.setWatches) return;
    writePaths(writer, []);
    writePaths(writer, recursive);
  });
}

function writePaths(writer: JuteWriter, paths: readonly string[]): void {
  writer.list(paths, (into, path) => {
    into.text(path);
  });
}
