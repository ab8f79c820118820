import type { RequestBody } from "../../engine/request.ts";

const maxKept = 256 * 1024;

/** A request's body stream, turned into what the engine can send. */
export interface CollectedBody {
  readonly body: RequestBody | null;
  readonly oneShot: boolean;
  /** Ends what was not sent. */
  readonly discard: ((reason: unknown) => void) | undefined;
}

/**
 * A `Request` shows its body only as a stream, even when it was made from a string; sent as a stream it could never
 * be retried. So what the stream gives at once, up to 256 KiB, is read first: a body that ends by then is whole and
 * replays; any other goes on as a stream and is sent once.
 */
export async function collectBody(stream: ReadableStream<Uint8Array>): Promise<CollectedBody> {
  const reader = stream.getReader();
  const discard = (reason: unknown): void => {
    reader.cancel(reason).catch(() => undefined);
  };
  const chunks: Uint8Array[] = [];
  let size = 0;
  const turn = new Promise<"late">((resolve) => {
    setImmediate(() => {
      resolve("late");
    });
  });
  while (size <= maxKept) {
    const next = reader.read();
    // eslint-disable-next-line no-await-in-loop -- a stream is read in order
    const result = await Promise.race([next, turn]);
    if (result === "late") {
      next.catch(() => undefined);
      return { body: rest(chunks, reader, next), oneShot: true, discard };
    }
    if (result.done) {
      return { body: Buffer.concat(chunks), oneShot: false, discard: undefined };
    }
    chunks.push(result.value);
    size += result.value.byteLength;
  }
  return { body: rest(chunks, reader, undefined), oneShot: true, discard };
}

async function* rest(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
  pending: ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]> | undefined,
): AsyncGenerator<Uint8Array> {
  let ended = false;
  try {
    yield* chunks;
    let result = await (pending ?? reader.read());
    while (!result.done) {
      yield result.value;
      // eslint-disable-next-line no-await-in-loop -- a stream is read in order
      result = await reader.read();
    }
    ended = true;
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) await reader.cancel();
  }
}
