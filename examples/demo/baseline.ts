import type { Caller } from "./meter.ts";

/**
 * What many services do without a mesh: global `fetch`, one address after the other. It gets the same list of
 * addresses at the same moments; it has no health, no retry and no time-outs.
 */
export function roundRobinFetch(addresses: () => readonly string[]): Caller {
  let turn = 0;
  return {
    call: async (id) => {
      const known = addresses();
      const address = known[turn++ % known.length];
      if (address === undefined) throw new Error("no address is known");
      const response = await fetch(`http://${address}/orders/${id}`);
      if (response.status >= 500) throw new Error(`status ${response.status}`);
      const order: unknown = await response.json();
      if (typeof order !== "object" || order === null || !("id" in order)) throw new Error("no order");
      return { id: String(order.id) };
    },
  };
}
