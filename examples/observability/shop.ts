import { setTimeout as sleep } from "node:timers/promises";

import { createMesh, memorySource } from "@proxyless/core";
import type { EndpointInput, MemorySource, Mesh } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";

import { Instances } from "./instances.ts";

/**
 * What can go wrong on request. `payments` answers 503 to everything; one of four instances of `orders` answers 503; no instance of `stock` is
 * registered any more; `registry`: discovery of orders is in trouble; `rush`: more calls to orders at once than its limit lets through;
 * `search` takes so long that calls pile up; `ill`: two of three instances of search are said to be unhealthy; `busy`: the process itself
 * computes without a pause.
 */
export type Fault = "payments" | "orders" | "stock" | "registry" | "rush" | "search" | "ill" | "busy";

/** Milliseconds between two calls of one caller. */
const pauseMs = 20;
/** Of those that search: there are many of them. */
const searchPauseMs = 500;
const searchers = 20;
/** How long the process computes without a pause, and how often. */
const busyMs = 300;
const busyEveryMs = 500;

/** Four services, a mesh that calls them all the time, metrics for Prometheus, and faults to order. */
export class Shop implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #end = new AbortController();
  readonly #source: MemorySource = memorySource();
  readonly #orders: Instances;
  readonly #stock: Instances;
  readonly #payments: Instances;
  readonly #search: Instances;
  #isRush = false;
  #busy: NodeJS.Timeout | undefined;

  private constructor(orders: Instances, stock: Instances, payments: Instances, search: Instances) {
    this.#orders = this.#stack.use(orders);
    this.#stock = this.#stack.use(stock);
    this.#payments = this.#stack.use(payments);
    this.#search = this.#stack.use(search);
    this.#orders.hiccupMs = 60;
    this.#source.set("orders", orders.addresses);
    this.#source.set("stock", stock.addresses);
    this.#source.set("payments", payments.addresses);
    this.#source.set("search", search.addresses);
    this.#stack.defer(() => clearInterval(this.#busy));
  }

  /** @returns the shop, and where Prometheus finds its metrics */
  static async open(): Promise<{ readonly shop: Shop; readonly metricsUrl: string }> {
    const shop = new Shop(
      await Instances.start(4),
      await Instances.start(2),
      await Instances.start(2),
      await Instances.start(3),
    );
    return { shop, metricsUrl: await shop.#begin() };
  }

  /** Lets something go wrong, or right again. */
  set(fault: Fault, isOn: boolean): void {
    if (fault === "payments") this.#payments.status = isOn ? 503 : 200;
    else if (fault === "orders") this.#orders.firstStatus = isOn ? 503 : undefined;
    else if (fault === "stock") this.#source.set("stock", isOn ? [] : this.#stock.addresses);
    else if (fault === "rush") this.#isRush = isOn;
    else if (fault === "search") this.#search.delayMs = isOn ? 300 : 2;
    else if (fault === "ill") this.#source.set("search", this.#searchers(isOn ? 1 : 3));
    else if (fault === "busy") this.#compute(isOn);
    else if (isOn) this.#source.fail("orders", { class: "transient", message: "the registry is away" });
    else this.#source.set("orders", this.#orders.addresses);
  }

  #searchers(healthy: number): readonly EndpointInput[] {
    return this.#search.addresses.map((address, i) => {
      const [host = "", port] = address.split(":");
      return { host, port: Number(port), health: i < healthy ? "healthy" : "unhealthy" };
    });
  }

  #compute(isOn: boolean): void {
    clearInterval(this.#busy);
    if (!isOn) return;
    this.#busy = setInterval(() => {
      const end = performance.now() + busyMs;
      while (performance.now() < end);
    }, busyEveryMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#stack.disposeAsync();
  }

  async #begin(): Promise<string> {
    const mesh = this.#stack.use(this.#mesh());
    const metrics = this.#stack.use(createMetrics(mesh));
    const endpoint = this.#stack.use(prometheusEndpoint(metrics));
    const callers = ["orders", "orders", "orders", "stock", "stock", "payments"].map((service) =>
      this.#call(mesh, service, pauseMs),
    );
    const more = Array.from({ length: searchers }, () => this.#call(mesh, "search", searchPauseMs));
    this.#stack.defer(async () => {
      await Promise.all([...callers, ...more]);
    });
    return endpoint.listen({ port: 0 });
  }

  #mesh(): Mesh {
    return createMesh({
      discovery: this.#source,
      drainMs: 0,
      services: {
        orders: {
          hedge: { delayMs: 30 },
          bulkhead: { maxConcurrent: 5, maxQueue: 5 },
          rateLimit: { tokensPerSecond: 1_000, burst: 1_000 },
          adaptiveThrottling: {},
          outlierDetection: { consecutive5xx: { count: 2 }, baseEjectionMs: 3_000, maxEjectionMs: 3_000 },
        },
        stock: {
          adaptiveConcurrency: {},
          cache: {},
          coalesce: {},
          faultInjection: { percent: 20, delay: { fixedMs: 5 } },
        },
        payments: {
          circuit: { minCalls: 5, openMs: 2_000, maxOpenMs: 2_000 },
          fallback: { value: { json: { paid: "later" } } },
          // Little is put by, so that it is soon used up.
          retry: { budget: { ratio: 0.01, minPerSecond: 0.1 } },
          outlierDetection: { baseEjectionMs: 2_000, maxEjectionMs: 2_000 },
        },
        // As many as search at once: more are in flight than there are connections before the limit refuses any.
        search: { bulkhead: { maxConcurrent: searchers }, transport: { connections: 1 } },
      },
    });
  }

  async #call(mesh: Mesh, service: string, everyMs: number): Promise<void> {
    const { signal } = this.#end;
    const client = mesh.service(service);
    for (let id = 0; !signal.aborted; id++) {
      const count = this.#isRush && service === "orders" ? 8 : 1;
      // Whatever becomes of a call is in the metrics.
      const calls = Array.from({ length: count }, () =>
        client.GET(`/${id % 10}`, { signal }).catch(() => undefined),
      );
      await Promise.all(calls);
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
