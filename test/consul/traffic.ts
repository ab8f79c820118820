import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import type { Mesh } from "@proxyless/core";
import { onTestFinished } from "vitest";

/** What a test does when it is over; a concurrent test has its own. */
export type AtEnd = (end: () => void | Promise<void>) => void;

/** An HTTP instance in this process that answers with its own port, or with another number. @returns its port */
export async function instance(
  atEnd: AtEnd = onTestFinished,
  at: { readonly host: string; readonly port: number; readonly answer?: number } = {
    host: "127.0.0.1",
    port: 0,
  },
): Promise<number> {
  const server = createServer((_, response) => response.end(String(at.answer ?? port))).listen(
    at.port,
    at.host,
  );
  await once(server, "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return port;
}

/** Calls of a service that begin at a steady rate, whatever became of those before. */
export class Traffic {
  readonly #mesh: Mesh;
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  readonly #answered = new Map<number, number>();
  /** What went wrong: errors, and answers other than 200. */
  readonly failures: unknown[] = [];

  constructor(mesh: Mesh, service: string, atEnd: AtEnd = onTestFinished) {
    this.#mesh = mesh;
    this.#url = `http://${service}/`;
    this.#loop = this.#run();
    atEnd(() => this.end());
  }

  /** Who answered since {@link forget}, sorted by port. */
  get answerers(): number[] {
    return [...this.#answered.keys()].toSorted((a, b) => a - b);
  }

  /** How many calls were answered since {@link forget}. */
  get answers(): number {
    return [...this.#answered.values()].reduce((sum, count) => sum + count, 0);
  }

  forget(): void {
    this.#answered.clear();
  }

  /** Begins no further call; resolves when the last one is over. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const call = this.#call();
      this.#running.add(call);
      void call.then(() => this.#running.delete(call));
      // eslint-disable-next-line no-await-in-loop -- about 50 calls a second
      await sleep(20);
    }
  }

  async #call(): Promise<void> {
    try {
      const response = await this.#mesh.fetch(this.#url);
      const port = Number(await response.text());
      if (response.status === 200) this.#answered.set(port, (this.#answered.get(port) ?? 0) + 1);
      else this.failures.push(response.status);
    } catch (error) {
      this.failures.push(error);
    }
  }
}
