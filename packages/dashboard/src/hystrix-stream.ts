import type { ServerResponse } from "node:http";

import { slotMs } from "./call-counter.ts";
import type { Command } from "./commands.ts";
import { EventStream } from "./event-stream.ts";
import { hystrixRecord } from "./hystrix-record.ts";
import type { Observer } from "./observer.ts";

/** Calls are counted over ten seconds. */
const windowMs = 10_000;

/** The circuits of what is shown as Hystrix tells of them: `hystrix.stream`, twice a second, to Hystrix dashboards and Turbine. */
export class HystrixStreams {
  readonly #observer: Observer;
  readonly #streams = new Map<EventStream, () => void>();
  /** Of the last tick, written once for everybody. */
  #text = "";
  #textOf: number | undefined;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#streams.size;
  }

  open(response: ServerResponse): void {
    const stream = new EventStream(response, this.#observer.clock);
    const unwatch = this.#observer.watch(() => {
      // What a client does not read now is of no use later: the next record says it all again.
      if (stream.isReady) stream.send(this.#records());
    });
    this.#streams.set(stream, unwatch);
    stream.onClose(() => {
      unwatch();
      this.#streams.delete(stream);
    });
    stream.send("ping: \n\n");
  }

  close(): void {
    for (const [stream, unwatch] of this.#streams) {
      unwatch();
      stream.end();
    }
    this.#streams.clear();
  }

  #records(): string {
    const { ticks } = this.#observer;
    if (this.#textOf !== ticks) {
      this.#textOf = ticks;
      const commands = this.#observer.commands();
      const lines = commands.map((command) => this.#lineOf(command, commands));
      this.#text = lines.length === 0 ? "ping: \n\n" : lines.join("");
    }
    return this.#text;
  }

  #lineOf(command: Command, all: readonly Command[]): string {
    const { clock, tally } = this.#observer;
    const { route, service } = command;
    // The service's circuit has the calls of every route that has none of its own.
    const isOf = (each: string | undefined): boolean =>
      each === route ||
      (route === undefined && !all.some((other) => other.service === service && other.route === each));
    const record = hystrixRecord({
      command,
      sums: tally.of(service).sum(windowMs / slotMs, isOf),
      windowMs,
      at: clock.wallNow(),
    });
    return `data: ${JSON.stringify(record)}\n\n`;
  }
}
