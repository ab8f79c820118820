import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

import type { Order } from "./shop-process.ts";

/** The shop of the examples in a process of its own. */
export class ForkedShop implements AsyncDisposable {
  readonly #process: ChildProcess;
  /** Where Prometheus scrapes it. */
  readonly metricsUrl: string;

  private constructor(child: ChildProcess, metricsUrl: string) {
    this.#process = child;
    this.metricsUrl = metricsUrl;
  }

  static async start(): Promise<ForkedShop> {
    const child = fork(new URL("shop-process.ts", import.meta.url));
    const [url]: unknown[] = await once(child, "message");
    return new ForkedShop(child, String(url));
  }

  set(order: Order): void {
    this.#process.send(order);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.disconnect();
    await ended;
  }
}
