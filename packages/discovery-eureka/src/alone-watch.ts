import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { Backoff, watchLoop } from "@proxyless/core/discovery";

import type { EurekaHttp } from "./eureka-http.ts";
import type { Lookup } from "./lookup.ts";
import type { Teller } from "./teller.ts";

/** What a watch of one service asks, and whom. */
export interface AloneWatch {
  readonly service: string;
  readonly mode: "app" | "vip" | "svip";
  readonly intervalMs: number;
  readonly http: EurekaHttp;
  readonly lookup: Lookup;
  readonly teller: Teller;
}

/** Asks for one service again and again. */
export function watchAlone(watch: AloneWatch, sink: Sink, context: WatchContext): WatchHandle {
  const { service, mode, http, lookup, teller } = watch;
  let asked = http.base;
  return watchLoop(sink, context, {
    backoff: backoffOf(watch.intervalMs),
    round: async (round) => {
      asked = http.base;
      const answer = await lookup.one(service, mode, context, round.signal);
      http.good();
      round.good();
      await teller.tell({
        records: answer?.records,
        trust: "authoritative",
        unreadable: answer?.unreadable ?? 0,
      });
      return spread(watch.intervalMs, context);
    },
    onTrouble: (error) => http.trouble(error, asked),
  });
}

/** Trouble is no reason to ask less often than there is nothing new. */
export function backoffOf(intervalMs: number): Backoff {
  return new Backoff(100, Math.min(intervalMs, 30_000));
}

/** An interval more or less, so that a fleet that started together does not ask together. */
export function spread(intervalMs: number, { random }: Pick<WatchContext, "random">): number {
  return intervalMs * (0.9 + 0.2 * random());
}
