import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers what is for it. */
type Handle = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A middleware of Express. */
export type ExpressDoor = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** What of a Fastify instance the plugin uses. */
export interface FastifyLike {
  addHook(
    name: "onRequest",
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse; hijack(): unknown },
      done: () => void,
    ) => void,
  ): unknown;
}

/** A plugin of Fastify. */
export type FastifyDoor = (app: FastifyLike, options: unknown, done: () => void) => void;

/** The handler as a middleware. Under `app.use("/path", …)` it still goes by the whole path. */
export function expressDoor(handle: Handle): ExpressDoor {
  return (request, response, next) => {
    if (!handle(request, response)) next();
  };
}

/** The handler as a plugin. */
export function fastifyDoor(handle: Handle): FastifyDoor {
  const plugin: FastifyDoor = (app, _options, done) => {
    app.addHook("onRequest", (request, reply, next) => {
      if (handle(request.raw, reply.raw)) reply.hijack();
      else next();
    });
    done();
  };
  // Without this mark the hook would hold for this plugin's own routes alone.
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "proxyless-dashboard",
  });
}
