import { Readable } from "node:stream";

import { headerIndex } from "../header-list.ts";
import { isIdempotent } from "../policies/retry/retry-decision.ts";
import type { AttemptBody } from "../transport/pools.ts";
import { KeptStream } from "./kept-stream.ts";
import type { CallRequest } from "./request.ts";

/** Whether sending a request twice does no harm: by its method, its idempotency key, or the caller's word. */
export function mayRepeat({ headers, idempotencyKey, method, retry }: CallRequest): boolean {
  if (isIdempotent(method) || idempotencyKey !== undefined) return true;
  if (retry !== undefined && retry !== false && retry.idempotent === true) return true;
  return headerIndex(headers, "idempotency-key") !== -1;
}

/** Hands out the body for each attempt: what is in memory as it is, a new stream of a factory, a stream from its beginning. */
export class BodySupply {
  readonly #body: CallRequest["body"];
  readonly #stream: KeptStream | undefined;
  #made: KeptStream | undefined;

  readonly #isForOne: boolean;

  /**
   * @param keptBytes so much of a stream is kept, so that it can be sent again
   * @param isForOne there is one attempt: who stops reading it ends it
   */
  constructor(body: CallRequest["body"], keptBytes: number, isForOne = false) {
    this.#body = body;
    this.#isForOne = isForOne;
    this.#stream =
      body === null || typeof body !== "object" || body instanceof Uint8Array
        ? undefined
        : new KeptStream(body[Symbol.asyncIterator](), keptBytes);
  }

  /** Whether the body can be sent again from its beginning. */
  get isReplayable(): boolean {
    return this.#stream?.isWhole ?? true;
  }

  /** Whether it can be sent twice at the same time. */
  get isShareable(): boolean {
    return this.#stream === undefined;
  }

  /** What the caller's own stream failed with: the fault is neither the endpoint's nor the network's. */
  get failure(): Error | undefined {
    return this.#stream?.failure ?? this.#made?.failure;
  }

  next(): AttemptBody {
    const body = this.#body;
    if (body === null || typeof body === "string" || body instanceof Uint8Array) return body;
    const stream =
      typeof body === "function"
        ? (this.#made = new KeptStream(body()[Symbol.asyncIterator](), 0))
        : this.#stream!;
    return Readable.from(stream.read(this.#isForOne || typeof body === "function"), { objectMode: false });
  }

  /** The call is over: a stream that was not read to its end is told so. */
  close(): void {
    this.#stream?.close();
  }
}

/** Shared by all requests without one. */
export const noBody: BodySupply = new BodySupply(null, 0);
