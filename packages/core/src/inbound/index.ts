export { createInbound } from "./inbound.ts";
export type { Inbound } from "./inbound.ts";
export type { InboundHeaders, InboundMode, InboundOptions } from "./inbound-options.ts";
export type { InboundEvent, InboundStats } from "./inbound-event.ts";
export type { InboundRequest, InboundResponse } from "./node-exchange.ts";
export type { FastifyLike, FastifyPlugin, FastifyReplyLike, FastifyRequestLike } from "./fastify.ts";
export type { HonoContextLike, HonoMiddleware } from "./hono.ts";
