import type { IncomingMessage, ServerResponse } from "node:http";

import { startContext } from "../context/call-context.ts";
import { fastifyPlugin } from "./fastify.ts";
import type { FastifyPlugin } from "./fastify.ts";
import { honoMiddleware } from "./hono.ts";
import type { HonoMiddleware } from "./hono.ts";
import type { InboundStats } from "./inbound-event.ts";
import { checkMode, resolveInbound } from "./inbound-options.ts";
import type { InboundMode, InboundOptions } from "./inbound-options.ts";
import { NodeAnswer, takeIn } from "./node-exchange.ts";
import type { InboundRequest, InboundResponse } from "./node-exchange.ts";
import { Reception } from "./reception.ts";

/**
 * The way into a service: runs its handlers in the context of their request, so that every call of the mesh in them ends
 * with the request's deadline, is cancelled when the caller goes away, and is not retried where the request is a retry
 * itself.
 */
export interface Inbound {
  /** Wraps a listener: `createServer(inbound.http(listener))`, also of `node:https` and `node:http2`. */
  http<Req extends InboundRequest = IncomingMessage, Res extends InboundResponse = ServerResponse>(
    listener: (request: Req, response: Res) => void,
  ): (request: Req, response: Res) => void;
  /** A middleware of Express, Connect and the like: `app.use(inbound.express)`, before everything else. */
  readonly express: (request: InboundRequest, response: InboundResponse, next: () => void) => void;
  /** A plugin of Fastify: `await app.register(inbound.fastify)`, before the routes. */
  readonly fastify: FastifyPlugin;
  /** A middleware of Hono: `app.use(inbound.hono)`, before everything else. */
  readonly hono: HonoMiddleware;
  /** What is done with the deadlines of requests that come from now on. */
  mode: InboundMode;
  /** What came in so far. */
  stats(): InboundStats;
}

/**
 * Makes the way in.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function createInbound(options: InboundOptions = {}): Inbound {
  const reception = new Reception(resolveInbound(options));
  return {
    http: (listener) => (request, response) => {
      const context = takeIn(reception, request, response, new NodeAnswer(response));
      if (context !== undefined) startContext(context, listener, request, response);
    },
    express: (request, response, next) => {
      const context = takeIn(reception, request, response, new NodeAnswer(response));
      if (context !== undefined) startContext(context, next);
    },
    fastify: fastifyPlugin(reception),
    hono: honoMiddleware(reception),
    get mode() {
      return reception.mode;
    },
    set mode(mode) {
      reception.mode = checkMode(mode) ?? reception.mode;
    },
    stats: () => ({ ...reception.books.counts }),
  };
}
