import type { IncomingMessage, ServerResponse } from "node:http";

import { Access } from "./access.ts";
import { expressDoor, fastifyDoor } from "./doors.ts";
import type { ExpressDoor, FastifyDoor } from "./doors.ts";
import { MeshFeed } from "./feed.ts";
import { HystrixStreams } from "./hystrix-stream.ts";
import { Observer } from "./observer.ts";
import { resolveOptions } from "./options.ts";
import type { DashboardOptions } from "./options.ts";
import { PageStreams } from "./page-stream.ts";
import { Routes } from "./routes.ts";

/** The live page of a mesh, for a server that is there already. */
export interface Dashboard extends AsyncDisposable {
  /**
   * Answers a request that is for the page: `if (!dashboard.handle(request, response)) …`.
   * @returns whether it was; if not, nothing was done to it
   */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** A middleware of Express, Connect and the like: `app.use(dashboard.express)`, before the routes. */
  readonly express: ExpressDoor;
  /** A plugin of Fastify: `await app.register(dashboard.fastify)`. */
  readonly fastify: FastifyDoor;
  /** Where the page stands: the option `path` with `/` at its end. */
  readonly path: string;
  /** How many watch now. While there are none, nothing is counted and no timer runs. */
  readonly watchers: number;
  /** Ends every stream and everything that was listened to. Close it before its server, which waits for open streams. */
  close(): Promise<void>;
}

/**
 * Makes the live page of a mesh. It listens nowhere by itself: mount it on a server.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  const resolved = resolveOptions(options);
  const { clock, mesh } = resolved;
  const observer = new Observer("feed" in mesh ? mesh.feed(clock) : new MeshFeed(mesh, clock), clock);
  const access = new Access(resolved.token, resolved.path, resolved.clock);
  const streams = { page: new PageStreams(observer), hystrix: new HystrixStreams(observer) };
  const routes = new Routes(resolved, access, streams);
  const handle = (request: IncomingMessage, response: ServerResponse): boolean =>
    routes.handle(request, response);
  const close = (): Promise<void> => {
    routes.close();
    observer.close();
    return Promise.resolve();
  };
  return {
    handle,
    express: expressDoor(handle),
    fastify: fastifyDoor(handle),
    path: `${resolved.path}/`,
    get watchers() {
      return routes.watchers;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
