import { readContextHeaders } from "../context/wire.ts";
import type { HeaderRecord } from "../context/wire.ts";
import { Books } from "./books.ts";
import type { InboundMode, ResolvedInbound } from "./inbound-options.ts";
import { RefusalCap } from "./refusal-cap.ts";
import { Visit } from "./visit.ts";
import type { Answer } from "./visit.ts";

/** Takes requests in, whatever framework they come through. */
export class Reception {
  readonly books: Books;
  mode: InboundMode;
  readonly #options: ResolvedInbound;
  readonly #cap: RefusalCap;

  constructor(options: ResolvedInbound) {
    this.#options = options;
    this.mode = options.mode;
    this.books = new Books(options.onEvent);
    this.#cap = new RefusalCap(options.maxRefusedRatio);
  }

  /** @returns `undefined` for a request that came too late: it is to be answered 504 and not to be served */
  receive(method: string, headers: HeaderRecord, answer: Answer): Visit | undefined {
    const { books, mode } = this;
    const { clock, headers: trust, maxDeadlineMs, minDeadlineMs, respondMs } = this.#options;
    const now = clock.now();
    books.counts.requests++;
    this.#cap.came(now);
    const wire = readContextHeaders(
      headers,
      mode === "off" ? { ...trust, grpcTimeout: false, envoyTimeout: false } : trust,
      (header) => {
        books.malformed(method, header);
      },
    );
    const { timeoutMs } = wire;
    if (timeoutMs === undefined) return new Visit(clock, books, method, wire, undefined, answer);
    books.counts.withDeadline++;
    const enforced = mode === "enforce";
    if (timeoutMs < minDeadlineMs) {
      const spared = enforced && !this.#cap.allows(now);
      books.tooLate(enforced, spared, method, timeoutMs, minDeadlineMs - timeoutMs);
      if (enforced && !spared) return undefined;
      return new Visit(clock, books, method, wire, undefined, answer);
    }
    if (timeoutMs > maxDeadlineMs) books.capped(method, timeoutMs, maxDeadlineMs);
    const givenMs = Math.min(timeoutMs, maxDeadlineMs);
    const limit = { deadline: now + givenMs, givenMs, enforced, respondMs };
    return new Visit(clock, books, method, wire, limit, answer);
  }
}
