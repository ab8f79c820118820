/** What tells requests apart. */
export interface KeyedRequest {
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value… */
  readonly headers: readonly string[];
}

/** They say who asks and what exactly is asked for, so that no list of headers may leave them out. */
const always: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "cookie",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "proxy-authorization",
  "range",
]);

/** They differ from request to request and say nothing of what is asked for. */
const never: ReadonlySet<string> = new Set([
  "b3",
  "baggage",
  "grpc-timeout",
  "traceparent",
  "tracestate",
  "uber-trace-id",
  "x-amzn-trace-id",
  "x-client-trace-id",
  "x-cloud-trace-context",
  "x-correlation-id",
  "x-envoy-attempt-count",
  "x-envoy-expected-rq-timeout-ms",
  "x-ot-span-context",
  "x-request-id",
]);

/**
 * Makes keys that are equal only where two requests ask for the same. Every header counts but those of tracing or, where a list is given,
 * those of the list and those that say who asks and in what form.
 */
export class RequestKeys {
  readonly #listed: ReadonlySet<string> | undefined;

  /** @param headers lower case; undefined for all but those of tracing */
  constructor(headers: readonly string[] | undefined) {
    this.#listed = headers === undefined ? undefined : new Set(headers);
  }

  /** Whether requests that differ in this header (lower case) have different keys. */
  counts(name: string): boolean {
    if (this.#listed !== undefined) return always.has(name) || this.#listed.has(name);
    return !never.has(name) && !name.startsWith("x-b3-");
  }

  of({ headers, method, path }: KeyedRequest): string {
    const parts: string[] = [];
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!.toLowerCase();
      if (this.counts(name)) parts.push(framed(name) + framed(headers[i + 1]!));
    }
    // The order of headers means nothing, except among those of the same name, and there it only costs a match.
    parts.sort();
    return framed(method) + framed(path) + parts.join("");
  }
}

/** With its length in front, so that no value can pass for another header. */
function framed(text: string): string {
  return `${text.length}:${text}`;
}
