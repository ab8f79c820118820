/** What the demo's service answers. */
export interface Order {
  readonly id: string;
  readonly status: "paid" | "shipped";
  readonly servedBy: string;
}

/** The service's API, in the form that openapi-typescript generates. */
export interface OrdersPaths {
  "/orders/{id}": {
    get: {
      parameters: { path: { id: string } };
      responses: {
        200: { content: { "application/json": Order } };
        404: { content: { "application/json": { readonly message: string } } };
      };
    };
  };
}

/** What the demo tells an instance. */
export type ToInstance =
  /** Take a port, register, begin. Until then it is a process that has booted and waits. */
  | { readonly type: "serve" }
  | { readonly type: "pace"; /** Service times are multiplied by it. */ readonly factor: number }
  | { readonly type: "stop" };

/** What an instance is started with. */
export interface InstanceConfig {
  readonly name: string;
  readonly seed: number;
  /** Where to register itself; absent when the demo keeps the list. */
  readonly consul?: { readonly url: string } | undefined;
  /** How long Consul takes its silence for a pause. */
  readonly ttlMs: number;
}

/** What an instance tells the demo. */
export type FromInstance = { readonly type: "booted" } | { readonly type: "serving"; readonly port: number };
