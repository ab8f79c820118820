import { startContext } from "../context/call-context.ts";
import type { CallContext } from "../context/call-context.ts";
import { NodeAnswer, takeIn } from "./node-exchange.ts";
import type { InboundRequest, InboundResponse } from "./node-exchange.ts";
import type { Reception } from "./reception.ts";

/** A request of Fastify. */
export interface FastifyRequestLike {
  readonly raw: InboundRequest;
}

/** A reply of Fastify. */
export interface FastifyReplyLike {
  readonly raw: InboundResponse;
  hijack(): unknown;
}

/** What of a Fastify instance the plugin uses. */
export interface FastifyLike {
  addHook(
    name: "onRequest" | "preValidation",
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown;
}

/** A plugin of Fastify: `await app.register(inbound.fastify)`, before the routes. */
export type FastifyPlugin = (app: FastifyLike, options: unknown, done: () => void) => void;

/** Makes the plugin. */
export function fastifyPlugin(reception: Reception): FastifyPlugin {
  const contexts = new WeakMap<object, CallContext>();
  const plugin: FastifyPlugin = (app, _options, done) => {
    app.addHook("onRequest", (request, reply, next) => {
      const answer = new NodeAnswer(reply.raw, () => {
        reply.hijack();
      });
      const context = takeIn(reception, request.raw, reply.raw, answer);
      if (context === undefined) return;
      contexts.set(request.raw, context);
      startContext(context, next);
    });
    // Reading the body leaves the context: its events belong to the connection.
    app.addHook("preValidation", (request, _reply, next) => {
      const context = contexts.get(request.raw);
      if (context === undefined) next();
      else startContext(context, next);
    });
    done();
  };
  // Without this mark the hooks would hold for this plugin's own routes alone.
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "proxyless-inbound",
  });
}
