import { startContext } from "../context/call-context.ts";
import { contextHeaders } from "../context/wire.ts";
import type { HeaderRecord } from "../context/wire.ts";
import { watch } from "./node-exchange.ts";
import type { InboundRequest, InboundResponse } from "./node-exchange.ts";
import type { Reception } from "./reception.ts";
import { refusal } from "./refusal.ts";
import type { Answer, Visit } from "./visit.ts";

/** What of a context of Hono the middleware uses. */
export interface HonoContextLike {
  readonly env: unknown;
  readonly req: {
    readonly method: string;
    readonly raw: { readonly signal?: AbortSignal | null | undefined };
    header(name: string): string | undefined;
  };
}

/** A middleware of Hono: `app.use(inbound.hono)`. */
export type HonoMiddleware = (
  context: HonoContextLike,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/** Makes the middleware. */
export function honoMiddleware(reception: Reception): HonoMiddleware {
  return async (context, next) => {
    const { req } = context;
    const exchange = nodeExchange(context.env);
    const { promise: refused, resolve } = Promise.withResolvers<Response>();
    let done = false;
    const answer: Answer = {
      get begun() {
        return done || exchange?.outgoing.headersSent === true;
      },
      refuse: () => {
        resolve(refusalResponse());
      },
    };
    const visit = reception.receive(req.method, headersOf(req), answer);
    if (visit === undefined) return refusalResponse();
    if (exchange !== undefined) watch(exchange.incoming, exchange.outgoing, visit);
    else watchSignal(req.raw.signal, visit);
    try {
      const answered = await startContext(visit.context, () => Promise.race([next(), refused]));
      return answered instanceof Response ? answered : undefined;
    } finally {
      done = true;
      // Without Node's own objects nobody tells when the body has gone out.
      if (exchange === undefined) visit.end(true);
    }
  };
}

function refusalResponse(): Response {
  return new Response(refusal.body, { status: refusal.status, headers: refusal.headers });
}

function headersOf(req: HonoContextLike["req"]): HeaderRecord {
  return Object.fromEntries(Object.values(contextHeaders).map((name) => [name, req.header(name)]));
}

function watchSignal(signal: AbortSignal | null | undefined, visit: Visit): void {
  if (signal === null || signal === undefined) return;
  const gone = (): void => {
    visit.end(false);
  };
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
}

interface NodeExchange {
  readonly incoming: InboundRequest;
  readonly outgoing: InboundResponse;
}

/** What `@hono/node-server` puts beside a request: the objects of Node that it is made of. */
function nodeExchange(env: unknown): NodeExchange | undefined {
  return isNodeExchange(env) ? env : undefined;
}

function isNodeExchange(env: unknown): env is NodeExchange {
  if (typeof env !== "object" || env === null || !("incoming" in env) || !("outgoing" in env)) return false;
  const { incoming, outgoing } = env;
  return typeof incoming === "object" && incoming !== null && "headers" in incoming && isResponse(outgoing);
}

function isResponse(value: unknown): boolean {
  return typeof value === "object" && value !== null && "writeHead" in value && "writableEnded" in value;
}
