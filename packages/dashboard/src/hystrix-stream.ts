import type { ServerResponse } from "node:http";

import type { ServiceReading } from "@proxyless/core";

import { slotMs } from "./call-counter.ts";
import { EventStream } from "./event-stream.ts";
import { hystrixRecord, policyOf } from "./hystrix-record.ts";
import type { Observer } from "./observer.ts";

/** Calls are counted over ten seconds. */
const windowMs = 10_000;

/** The circuits of a mesh as Hystrix tells of them: `hystrix.stream`, twice a second, to Hystrix dashboards and Turbine. */
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
      const lines = this.#observer.read().flatMap((service) => this.#linesOf(service));
      this.#text = lines.length === 0 ? "ping: \n\n" : lines.join("");
    }
    return this.#text;
  }

  /** A service that has no circuit is left out, as a call without a command is in Hystrix. */
  #linesOf({ calls, circuits, service }: ServiceReading): readonly string[] {
    const { clock, tally, view } = this.#observer;
    const policy = view?.services.find((each) => each.service === service);
    const own = new Set(circuits.map(({ route }) => route));
    return circuits.map((circuit, index) => {
      const { route } = circuit;
      // The service's circuit has the calls of every route that has none of its own.
      const isOf = (each: string | undefined): boolean =>
        each === route || (route === undefined && !own.has(each));
      const isSecond = circuits.findIndex((each) => each.route === route) !== index;
      const record = hystrixRecord({
        name: `${service}${route === undefined ? "" : ` ${route}`}${isSecond ? ` #${index + 1}` : ""}`,
        group: service,
        circuit,
        sums: tally.of(service).sum(windowMs / slotMs, isOf),
        windowMs,
        inFlight: route === undefined ? calls : 0,
        policy: policyOf(policy, route),
        at: clock.wallNow(),
      });
      return `data: ${JSON.stringify(record)}\n\n`;
    });
  }
}
