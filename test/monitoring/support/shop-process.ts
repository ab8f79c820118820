import { Shop } from "../../../examples/observability/shop.ts";
import type { Fault } from "../../../examples/observability/shop.ts";

/** What goes wrong from now on, or no more. */
export interface Order {
  readonly fault: Fault;
  readonly isOn: boolean;
}

const { metricsUrl, shop } = await Shop.open();
process.on("message", ({ fault, isOn }: Order) => {
  shop.set(fault, isOn);
});
// Whoever started it is gone, or has had enough.
process.once("disconnect", () => void shop[Symbol.asyncDispose]());
process.send?.(metricsUrl);
