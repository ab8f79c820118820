import { Readable } from "node:stream";

import { isIdempotent } from "../policies/retry-decision.ts";
import type { AttemptBody } from "../transport/pools.ts";
import type { CallRequest } from "./request.ts";

/** Whether sending a request twice does no harm: by its method, its idempotency key, or the caller's word. */
export function mayRepeat({ headers, idempotencyKey, method, retry }: CallRequest): boolean {
  if (isIdempotent(method) || idempotencyKey !== undefined) return true;
  if (retry !== undefined && retry !== false && retry.idempotent === true) return true;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === "idempotency-key") return true;
  }
  return false;
}

/** Whether the body can be sent again from its beginning. */
export function isReplayable({ body }: CallRequest): boolean {
  return body === null || typeof body !== "object" || body instanceof Uint8Array;
}

/**
 * Hands out the body for each attempt: a factory makes a new stream each time; a stream without one is handed out
 * again as it is, which is right as long as no attempt got far enough to read it.
 */
export class BodySupply {
  readonly #body: CallRequest["body"];
  #oneShot: Readable | undefined;
  /** What the caller's own stream failed with: the fault is neither the endpoint's nor the network's. */
  failure: Error | undefined = undefined;

  constructor(body: CallRequest["body"]) {
    this.#body = body;
  }

  next(): AttemptBody {
    const body = this.#body;
    if (body === null || typeof body === "string" || body instanceof Uint8Array) return body;
    if (typeof body !== "function") return (this.#oneShot ??= this.#stream(body));
    this.failure = undefined;
    return this.#stream(body());
  }

  #stream(body: AsyncIterable<Uint8Array>): Readable {
    return Readable.from(this.#watched(body[Symbol.asyncIterator]()), { objectMode: false });
  }

  /** Only what the caller's iterator throws is the caller's: a dying socket destroys the stream around it as well. */
  async *#watched(chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    let ended = false;
    try {
      for (;;) {
        // eslint-disable-next-line no-await-in-loop -- a stream is read in order
        const { done, value } = await chunks.next().catch((error: unknown) => {
          ended = true;
          this.failure = error instanceof Error ? error : new Error("the body failed", { cause: error });
          throw this.failure;
        });
        if (done === true) {
          ended = true;
          return;
        }
        yield value;
      }
    } finally {
      if (!ended) await chunks.return?.();
    }
  }
}

/** Shared by all requests without one. */
export const noBody: BodySupply = new BodySupply(null);
