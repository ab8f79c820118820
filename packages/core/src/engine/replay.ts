import { Readable } from "node:stream";

import { isIdempotent } from "../policies/retry-decision.ts";
import type { AttemptBody } from "../transport/pools.ts";
import type { CallRequest } from "./request.ts";

/** Whether sending a request twice does no harm: by its method, its idempotency key, or the caller's word. */
export function mayRepeat({ idempotencyKey, method, retry }: CallRequest): boolean {
  if (isIdempotent(method) || idempotencyKey !== undefined) return true;
  return retry !== undefined && retry !== false && retry.idempotent === true;
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

  constructor(body: CallRequest["body"]) {
    this.#body = body;
  }

  next(): AttemptBody {
    const body = this.#body;
    if (typeof body === "function") return asReadable(body());
    if (body === null || typeof body === "string" || body instanceof Uint8Array) return body;
    return (this.#oneShot ??= asReadable(body));
  }
}

function asReadable(body: AsyncIterable<Uint8Array>): Readable {
  return body instanceof Readable ? body : Readable.from(body, { objectMode: false });
}
