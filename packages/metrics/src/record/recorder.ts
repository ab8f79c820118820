import type { Mesh, MeshReadings } from "@proxyless/core";

import type { ResolvedMetrics } from "../options.ts";
import type { AllSeries } from "../series/all-series.ts";
import { countRareEvents } from "./rare-events.ts";
import { ServiceBook } from "./service-book.ts";

/** Counts what a mesh tells by its events, until it is closed. */
export class Recorder {
  readonly #options: ResolvedMetrics;
  readonly #series: AllSeries;
  readonly #books = new Map<string, ServiceBook>();
  /** Of services beyond the limit: names out of URLs can be of any number, and none of these is remembered. */
  readonly #others: ServiceBook;
  readonly #stops: readonly (() => void)[];

  constructor(mesh: Mesh, series: AllSeries, options: ResolvedMetrics) {
    this.#options = options;
    this.#series = series;
    this.#others = new ServiceBook(undefined, series, options);
    this.#stops = [
      mesh.on("call.completed", (event) => {
        this.#bookOf(event.service).call(event);
      }),
      mesh.on("attempt.completed", (event) => {
        this.#bookOf(event.service).attempt(event);
      }),
      ...countRareEvents(mesh, (service) => this.#bookOf(service)),
    ];
  }

  /**
   * Lets go of the series of services and endpoints that the mesh does not know any more. They stay for the reading that first misses
   * them, so that what was last counted of them is told once.
   */
  forget({ discovery, services }: MeshReadings): void {
    const present = new Set<string>();
    for (const { endpoints, service } of services) {
      present.add(service);
      if (!this.#options.endpoints) continue;
      this.#books.get(service)?.keepEndpoints(new Set(endpoints.map(({ endpoint }) => endpoint)));
    }
    // A watch that nobody uses lingers for a while, in case that somebody will.
    for (const { service, users } of discovery) if (users > 0) present.add(service);
    for (const [service, book] of this.#books) {
      if (present.has(service)) book.isGone = false;
      else if (!book.isGone) book.isGone = true;
      else {
        book.close();
        this.#books.delete(service);
      }
    }
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const book of this.#books.values()) book.close();
    this.#books.clear();
  }

  #bookOf(service: string): ServiceBook {
    const known = this.#books.get(service);
    if (known !== undefined) return known;
    if (this.#books.size >= this.#options.maxSeries) return this.#others;
    const book = new ServiceBook(service, this.#series, this.#options);
    this.#books.set(service, book);
    return book;
  }
}
