import type { Endpoint } from "@proxyless/core";

interface Seen {
  readonly endpoint: Endpoint;
  missed: number;
}

/** Keeps an endpoint until a number of answers in a row lack it, for servers whose answers are a random part of the whole. */
export class UnionWindow {
  readonly #size: number;
  readonly #seen = new Map<string, Seen>();

  /** @param size how many answers in a row; 1 takes every answer as it is */
  constructor(size: number) {
    this.#size = size;
  }

  /** Takes in an answer. @returns it and what is kept */
  add(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (this.#size === 1) return endpoints;
    for (const seen of this.#seen.values()) seen.missed++;
    for (const endpoint of endpoints) {
      this.#seen.delete(endpoint.id);
      this.#seen.set(endpoint.id, { endpoint, missed: 0 });
    }
    for (const [id, { missed }] of this.#seen) if (missed >= this.#size) this.#seen.delete(id);
    return [...this.#seen.values()].map(({ endpoint }) => endpoint);
  }
}
