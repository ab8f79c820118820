import { STATUS_CODES } from "node:http";

import type { CallRequest, ResponseHeaders } from "../../engine/request.ts";

/**
 * What is known of an answer besides its body. Lighter than a WHATWG `Response`: the body has been read already (or is
 * `data`, with `parseAs: "stream"`), and `headers` is built when first asked for.
 */
export class CallResponse {
  readonly status: number;
  readonly statusText: string;
  readonly #raw: ResponseHeaders;
  readonly #service: string;
  readonly #path: string;
  readonly #method: string;
  readonly #template: string | undefined;
  #headers: Headers | undefined;

  constructor(
    status: number,
    statusText: string,
    headers: ResponseHeaders,
    service: string,
    request: CallRequest,
  ) {
    this.status = status;
    this.statusText = statusText;
    this.#raw = headers;
    this.#service = service;
    // Only these and not the request, whose body would be kept as long as the answer is.
    this.#path = request.path;
    this.#method = request.method;
    this.#template = request.template;
  }

  /** Whether the status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** The URL that was called, with the service's name as its host. */
  get url(): string {
    return `http://${this.#service}${this.#path}`;
  }

  /** The call by its template, as errors and logs should name it: `orders: GET /orders/{id}`. */
  get call(): string {
    return `${this.#service}: ${this.#method} ${this.#template ?? this.#path}`;
  }

  /** The name of the service that answered. */
  get service(): string {
    return this.#service;
  }

  /** The headers of the answer. */
  get headers(): Headers {
    this.#headers ??= toHeaders(this.#raw);
    return this.#headers;
  }

  /**
   * One header without building {@link headers}; repeated ones are joined by `, `.
   * @param name in lower case
   */
  header(name: string): string | undefined {
    const value = this.#raw[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

/** Status and reason as one line: `404 Not Found`. HTTP/2 has no reason, so the registered one stands in. */
export function statusLine(status: number, statusText: string): string {
  const reason = statusText === "" ? (STATUS_CODES[status] ?? "") : statusText;
  return reason === "" ? `HTTP ${status}` : `${status} ${reason}`;
}

function toHeaders(raw: ResponseHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      try {
        headers.append(name, item);
      } catch {
        // A server may send what `Headers` refuses, such as a control character; `header()` still shows it.
      }
    }
  }
  return headers;
}
