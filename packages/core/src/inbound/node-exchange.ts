import type { CallContext } from "../context/call-context.ts";
import type { HeaderRecord } from "../context/wire.ts";
import { onClosed } from "./connection.ts";
import type { Connection } from "./connection.ts";
import type { Reception } from "./reception.ts";
import { refusal } from "./refusal.ts";
import type { Answer, Visit } from "./visit.ts";

/** A request of `node:http`, `node:https` or the compatibility API of `node:http2`. */
export interface InboundRequest {
  readonly method?: string | undefined;
  readonly headers: HeaderRecord;
  readonly socket?: Connection | null | undefined;
}

/** Its response. */
export interface InboundResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly destroyed?: boolean | undefined;
  readonly socket?: unknown;
  once(event: "close", listener: () => void): unknown;
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/** The answer that goes through a response of Node. */
export class NodeAnswer implements Answer {
  readonly #response: InboundResponse;
  readonly #beforeRefusal: (() => void) | undefined;

  constructor(response: InboundResponse, beforeRefusal?: () => void) {
    this.#response = response;
    this.#beforeRefusal = beforeRefusal;
  }

  get begun(): boolean {
    return this.#response.headersSent || this.#response.writableEnded;
  }

  refuse(): void {
    this.#beforeRefusal?.();
    this.#response.writeHead(refusal.status, { ...refusal.headers });
    this.#response.end(refusal.body);
  }
}

/** Takes a request in, or answers that it came too late. */
export function takeIn(
  reception: Reception,
  request: InboundRequest,
  response: InboundResponse,
  answer: NodeAnswer,
): CallContext | undefined {
  const visit = reception.receive(request.method ?? "", request.headers, answer);
  if (visit === undefined) {
    answer.refuse();
    return undefined;
  }
  watch(request, response, visit);
  return visit.context;
}

/**
 * Ends the visit with the exchange. A response closes once, after its end or because its connection closed; that is
 * told apart by whether the handler had ended it.
 */
export function watch(request: InboundRequest, response: InboundResponse, visit: Visit): void {
  if (response.destroyed === true) {
    visit.end(response.writableEnded);
    return;
  }
  const { socket } = request;
  // A pipelined response has no connection of its own yet, and Node 22 does not close it if it never gets one.
  const waits = response.socket === null && socket !== null && socket !== undefined;
  const forget = waits
    ? onClosed(socket, () => {
        visit.end(response.writableEnded);
      })
    : undefined;
  response.once("close", () => {
    forget?.();
    visit.end(response.writableEnded);
  });
}
