import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { until } from "../../../scripts/servers/index.ts";
import { FaultyService } from "../../metrics/support/faulty-service.ts";
import { readScrape } from "../../metrics/support/scraped.ts";
import type { Scraped } from "../../metrics/support/scraped.ts";
import type { Order, PrimaryOrder, WorkerCounts } from "./orders.ts";

/** Kinds of workers. */
export type Kind = "cluster" | "thread" | "process";

/** What the primary heard. */
interface Lines {
  /** Of workers: the name and what was wrong. */
  readonly problems: readonly string[];
  /** What the application heard that was not meant for it. */
  readonly strange: readonly unknown[];
  /** How many messages processes sent to the collector. */
  readonly said: number;
}

/** A primary process with its workers, and the service that these call. */
export class Stage implements AsyncDisposable {
  readonly service: FaultyService;
  /** Of the Prometheus endpoint. */
  url = "";
  /** How many there were. */
  scrapes = 0;
  readonly primary: ChildProcess;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #lastId = 0;

  private constructor(service: FaultyService, deadlineMs: number) {
    this.service = service;
    this.primary = fork(join(import.meta.dirname, "primary.ts"), {
      env: { ...process.env, ENDPOINTS: service.address, DEADLINE_MS: String(deadlineMs) },
    });
    this.primary.on("message", (message: { readonly done?: number; readonly value?: unknown }) => {
      if (message.done === undefined) return;
      this.#waiting.get(message.done)?.(message.value);
      this.#waiting.delete(message.done);
    });
  }

  static async start(deadlineMs = 20_000): Promise<Stage> {
    const stage = new Stage(await FaultyService.start(), deadlineMs);
    const [first]: { readonly url: string }[] = await once(stage.primary, "message");
    stage.url = first?.url ?? "";
    return stage;
  }

  /** Starts workers, and waits until the primary knows them. @returns their names */
  async add(...kinds: readonly Kind[]): Promise<readonly string[]> {
    const before = await this.workers();
    const names: string[] = [];
    for (const worker of kinds) names.push(String(await this.ask({ op: "start", worker })));
    await this.knows(names.length + before.length);
    return names;
  }

  /** Waits until so many workers are known, and no other number. */
  async knows(count: number): Promise<void> {
    await until(`${count} workers are known`, 30_000, async () =>
      (await this.workers()).length === count ? true : undefined,
    );
  }

  /** Those that the primary knows. */
  async workers(): Promise<readonly string[]> {
    const found = await this.ask({ op: "workers" });
    return Array.isArray(found) ? found.map(String) : [];
  }

  /** Has a worker do something. @returns what it has counted after it */
  async tell(worker: string, order: Order): Promise<WorkerCounts> {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what our own worker says
    return (await this.ask({ op: "tell", worker, order })) as WorkerCounts;
  }

  /** Has a worker begin something from which no answer may come. */
  begin(worker: string, order: Order): void {
    this.#send({ op: "tell", worker, order });
  }

  #send(order: PrimaryOrder): number {
    const id = ++this.#lastId;
    this.primary.send({ ...order, id });
    return id;
  }

  /** Has the primary do something. */
  ask(order: PrimaryOrder): Promise<unknown> {
    const id = this.#send(order);
    const answer = new Promise<unknown>((resolve) => this.#waiting.set(id, resolve));
    const { op, order: own, worker = "" } = order;
    const late = wait(40_000, undefined, { ref: false }).then(() => {
      throw new Error(`no answer to ${op} ${worker} ${own?.op ?? ""}`);
    });
    return Promise.race([answer, late]);
  }

  async lines(): Promise<Lines> {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what our own primary says
    return (await this.ask({ op: "lines" })) as Lines;
  }

  async scrapeText(): Promise<string> {
    this.scrapes++;
    return (await fetch(this.url)).text();
  }

  async scrape(): Promise<Scraped> {
    return readScrape(await this.scrapeText());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.primary.exitCode === null && this.primary.signalCode === null) {
      const ended = once(this.primary, "exit");
      this.primary.kill("SIGKILL");
      await ended;
    }
    await this.service[Symbol.asyncDispose]();
  }
}
