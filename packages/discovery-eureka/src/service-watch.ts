import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { aborted } from "@proxyless/core/discovery";

import { watchAlone } from "./alone-watch.ts";
import type { AloneWatch } from "./alone-watch.ts";
import type { RegistryWatch } from "./registry-watch.ts";
import { Teller } from "./teller.ts";

/** What the watches of one source share. */
export interface WatchShared extends Omit<AloneWatch, "service" | "teller"> {
  readonly registry: RegistryWatch;
}

/** One way in which a service is followed, until it is ended. */
interface Way {
  readonly isTogether: boolean;
  refresh(reason: string): void;
  end(): Promise<void>;
}

/** Follows one service, on its own or as a part of the whole registry, and changes from one to the other unnoticed. */
export class ServiceWatch implements WatchHandle {
  readonly #service: string;
  readonly #shared: WatchShared;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #teller: Teller;
  readonly #ends: Promise<void>[] = [];
  readonly done: Promise<void>;
  #way: Way | undefined;

  constructor(service: string, shared: WatchShared, sink: Sink, context: WatchContext) {
    this.#service = service;
    this.#shared = shared;
    this.#sink = sink;
    this.#context = context;
    this.#teller = new Teller(service, sink, context);
    this.done = this.#end();
  }

  refresh(reason: string): void {
    if (!this.#context.signal.aborted) this.#way?.refresh(reason);
  }

  /** Chooses the way. */
  use(isTogether: boolean): void {
    if (this.#context.signal.aborted || this.#way?.isTogether === isTogether) return;
    const before = this.#way;
    this.#way = isTogether ? this.#together() : this.#alone();
    if (before !== undefined) this.#ends.push(before.end());
  }

  #together(): Way {
    const { registry } = this.#shared;
    registry.join(this.#service, this.#teller, this.#context);
    return {
      isTogether: true,
      refresh: (reason) => {
        registry.refresh(reason);
      },
      end: () => registry.leave(this.#teller),
    };
  }

  #alone(): Way {
    const abort = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, abort.signal]);
    const context = { ...this.#context, signal };
    const watch = { ...this.#shared, service: this.#service, teller: this.#teller };
    const handle = watchAlone(watch, this.#sink, context);
    return {
      isTogether: false,
      refresh: (reason) => handle.refresh?.(reason),
      end: () => {
        abort.abort();
        return handle.done;
      },
    };
  }

  async #end(): Promise<void> {
    await aborted(this.#context.signal);
    if (this.#way !== undefined) this.#ends.push(this.#way.end());
    await Promise.all(this.#ends);
  }
}
