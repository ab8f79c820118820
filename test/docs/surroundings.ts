import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { startOrders } from "./orders-service.ts";
import type { OrdersInstance } from "./orders-service.ts";

/** The addresses that pages write, and what really stands there. */
const ordersAddresses = ["127.0.0.1:8081", "127.0.0.1:8082"];
const consulUrl = "http://127.0.0.1:8500";

/**
 * What pages take for granted: two instances of `orders` at 127.0.0.1:8081 and :8082, a Consul agent at
 * 127.0.0.1:8500, and with both of them the instances registered in the agent. The real ones listen on free ports,
 * which take the place of the written ones in the code that runs.
 */
export class Surroundings implements AsyncDisposable {
  readonly #orders: OrdersInstance[] = [];
  #consul: ConsulAgent | undefined;

  /** Starts what is needed. @param needs any of `orders`, `consul` */
  async start(needs: ReadonlySet<string>): Promise<void> {
    for (const need of needs) {
      if (need !== "orders" && need !== "consul")
        throw new Error(`a page asks for "${need}", which is nothing known`);
    }
    if (needs.has("consul")) this.#consul = await startConsul();
    if (needs.has("orders")) {
      for (const _ of ordersAddresses) this.#orders.push(await startOrders());
    }
    for (const { port } of this.#consul === undefined ? [] : this.#orders) {
      const body = { ID: `orders-${port}`, Name: "orders", Address: "127.0.0.1", Port: port };
      await this.#consul?.call("PUT", "/v1/agent/service/register", body);
    }
  }

  /** The code with the real addresses in place of the written ones. */
  place(code: string, needs: readonly string[]): string {
    let placed = code;
    if (needs.includes("orders")) {
      for (const [i, address] of ordersAddresses.entries()) {
        placed = placed.replaceAll(address, `127.0.0.1:${this.#orders[i]?.port}`);
      }
    }
    if (needs.includes("consul") && this.#consul !== undefined) {
      placed = placed.replaceAll(consulUrl, this.#consul.url);
    }
    return placed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const instance of this.#orders) instance.stop();
    await this.#consul?.stop();
  }
}
