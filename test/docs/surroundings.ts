import { startOrders } from "./orders-service.ts";
import type { OrdersInstance } from "./orders-service.ts";
import { standIns } from "./stand-ins.ts";

/** The addresses that pages write for instances of `orders`, and what really stands there. */
const ordersAddresses = ["127.0.0.1:8081", "127.0.0.1:8082"];

/**
 * What pages take for granted: two instances of `orders` at 127.0.0.1:8081 and :8082, and each of the {@link standIns} at its address with
 * the instances registered. The real ones listen on free ports, which take the place of the written ones in the code that
 * runs.
 */
export class Surroundings implements AsyncDisposable {
  readonly #orders: OrdersInstance[] = [];
  readonly #started = new Map<
    string,
    { readonly address: string; readonly stop: () => Promise<void> | void }
  >();

  /** Starts what is needed. @param needs `orders` and names of {@link standIns} */
  async start(needs: ReadonlySet<string>): Promise<void> {
    const registries = [...needs].filter((need) => need !== "orders");
    for (const need of registries) {
      if (standIns[need] === undefined) throw new Error(`a page asks for "${need}", which is nothing known`);
    }
    this.#orders.push(...(await Promise.all(ordersAddresses.map(() => startOrders()))));
    const ports = this.#orders.map(({ port }) => port);
    await Promise.all(
      registries.map(async (need) => {
        const started = await standIns[need]?.start(ports);
        if (started !== undefined) this.#started.set(need, started);
      }),
    );
  }

  /** The code with the real addresses in place of the written ones. */
  place(code: string, needs: readonly string[]): string {
    let placed = code;
    if (needs.includes("orders")) {
      for (const [i, address] of ordersAddresses.entries()) {
        placed = placed.replaceAll(address, `127.0.0.1:${this.#orders[i]?.port}`);
      }
    }
    for (const need of needs) {
      const started = this.#started.get(need);
      const written = standIns[need]?.address;
      if (started !== undefined && written !== undefined)
        placed = placed.replaceAll(written, started.address);
    }
    return placed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const instance of this.#orders) instance.stop();
    await Promise.all([...this.#started.values()].map(async ({ stop }) => stop()));
  }
}
