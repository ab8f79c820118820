import type { CallEngine } from "../../engine/request.ts";
import { show } from "../../errors.ts";
import { Caller } from "./caller.ts";
import type { LooseInit, LooseResult, TypedClient, TypedClientOptions } from "./client-types.ts";
import { requestError } from "./encode.ts";
import { methods } from "./methods.ts";
import type { AnyPaths } from "./openapi-types.ts";

type LooseCall = (method: string, path: string, init?: LooseInit) => Promise<LooseResult>;
type LooseMethod = (path: string, init?: LooseInit) => Promise<LooseResult>;

interface LooseClient {
  readonly GET: LooseMethod;
  readonly PUT: LooseMethod;
  readonly POST: LooseMethod;
  readonly DELETE: LooseMethod;
  readonly OPTIONS: LooseMethod;
  readonly HEAD: LooseMethod;
  readonly PATCH: LooseMethod;
  readonly TRACE: LooseMethod;
  readonly request: LooseCall;
}

/** The methods over one function; they use no `this`, so that they can be taken off the client. */
export function clientOf(call: LooseCall): LooseClient {
  return {
    GET: (path, init) => call("GET", path, init),
    PUT: (path, init) => call("PUT", path, init),
    POST: (path, init) => call("POST", path, init),
    DELETE: (path, init) => call("DELETE", path, init),
    OPTIONS: (path, init) => call("OPTIONS", path, init),
    HEAD: (path, init) => call("HEAD", path, init),
    PATCH: (path, init) => call("PATCH", path, init),
    TRACE: (path, init) => call("TRACE", path, init),
    request: (method, path, init) => {
      const upper = typeof method === "string" ? method.toUpperCase() : "";
      if (methods.has(upper)) return call(upper, path, init);
      return Promise.reject(
        requestError(`method must be one of ${[...methods].join(", ")}, got ${show(method)}`),
      );
    },
  };
}

/**
 * A client for `service` whose calls are typed by the `paths` that openapi-typescript makes of an OpenAPI document.
 * Without a type argument any path is taken and nothing is known of the answers.
 * @throws {ProxylessError} `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function createTypedClient<Paths extends object = AnyPaths>(
  engine: CallEngine,
  service: string,
  options?: TypedClientOptions,
): TypedClient<Paths>;
export function createTypedClient(
  engine: CallEngine,
  service: string,
  options: TypedClientOptions = {},
): object {
  const caller = new Caller(engine, service, options, false);
  return clientOf((method, path, init) => caller.call(method, path, init));
}
