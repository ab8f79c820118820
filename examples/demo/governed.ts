import { createMesh } from "@proxyless/core";
import type { DiscoverySource, Mesh } from "@proxyless/core";

import type { Caller } from "./meter.ts";
import type { OrdersPaths } from "./orders.ts";

/** The side that goes through proxyless: all there is to it. */
export interface Governed extends Caller {
  readonly mesh: Mesh;
}

/** With the defaults: nothing here is tuned for the demo. */
export function governed(discovery: DiscoverySource): Governed {
  const mesh = createMesh({ discovery });
  const orders = mesh.service<OrdersPaths>("orders");
  return {
    mesh,
    call: async (id) => {
      const { data, response } = await orders.GET("/orders/{id}", { params: { path: { id } } });
      if (data === undefined) throw new Error(`status ${response.status}`);
      return data;
    },
  };
}
