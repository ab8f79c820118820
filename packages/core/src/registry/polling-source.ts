import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { SourceDeclarations } from "../discovery/combine/declarations.ts";
import type { DiscoverySource, Sink, Snapshot, WatchContext } from "../discovery/source.ts";
import { configError } from "../errors.ts";
import { wholeNumber } from "./option-checks.ts";
import { SourceError } from "./source-error.ts";
import { watchLoop } from "./watch-loop.ts";

/** What a poll is given. */
export interface PollQuestion {
  /** Aborts when the watch ends, and when the poll takes too long. Give it to every request. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Somebody doubts the last answer: ask firmly, past any cache. */
  readonly wasRefreshed: boolean;
}

/** What a poll answers. */
export interface PollAnswer {
  /** The whole list; absent when the registry says that nothing changed. */
  readonly snapshot?: Snapshot;
  /** How old the registry says that its knowledge is, for an answer without a snapshot; milliseconds. */
  readonly ageMs?: number;
  /** When to ask again, in milliseconds, where the registry says so (a TTL); the source's interval otherwise. */
  readonly nextMs?: number;
}

/** What a polling source is made of. */
export interface PollingSourceParts extends SourceDeclarations {
  /** Shown in events and dumps. */
  readonly name: string;
  /** How often the registry is asked, in milliseconds, 10 to 86,400,000. */
  readonly intervalMs: number;
  /** The share of the interval by which polls are spread, so that a fleet does not ask in step, 0 to 1. Default: 0.1. */
  readonly jitterRatio?: number;
  /** How long one poll may take, in milliseconds, 10 to 600,000. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Asks once. What it throws is told as trouble, by its class if it is a {@link SourceError}; the next poll backs off. */
  readonly fetchOnce: (service: string, question: PollQuestion) => Promise<PollAnswer>;
  /** Everything that changes the answer. Default: the name and the service. */
  readonly key?: (service: string) => string;
  /** Ends what the polls share. */
  readonly close?: () => Promise<void>;
}

/**
 * A source that asks every so often. It asks at once when somebody doubts the answer, spreads its questions, backs off in
 * trouble, and is silent after its end, so that whoever writes it only has to say how to ask.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a number out of its range
 */
export function pollingSource(parts: PollingSourceParts): DiscoverySource {
  const {
    close,
    fetchOnce,
    intervalMs: interval,
    jitterRatio: jitter,
    key,
    name,
    timeoutMs: timeout,
    ...rest
  } = parts;
  const intervalMs = wholeNumber("intervalMs", interval, 10_000, 10, 86_400_000);
  const timeoutMs = wholeNumber("timeoutMs", timeout, 10_000, 10, 600_000);
  const jitterRatio = ratio("jitterRatio", jitter, 0.1);
  return {
    ...rest,
    name,
    key: ({ service }) => key?.(service) ?? `${name}:${service}`,
    watch: ({ service }, sink, context) =>
      watchLoop(sink, context, {
        round: async (round) => {
          const { clock, random } = context;
          const answer = await inTime(context, round.signal, timeoutMs, (signal) =>
            fetchOnce(service, { signal, clock, wasRefreshed: round.wasRefreshed }),
          );
          deliver(sink, context, answer);
          round.good();
          const nextMs = answer.nextMs ?? intervalMs;
          return Math.max(1, nextMs * (1 - jitterRatio * random()));
        },
      }),
    ...(close === undefined ? undefined : { close }),
  };
}

/** Tells the sink what a poll brought, unless the watch is over. */
export function deliver(sink: Sink, { signal }: WatchContext, { ageMs, snapshot }: PollAnswer): void {
  if (signal.aborted) return;
  if (snapshot === undefined) sink.alive(ageMs);
  else sink.snapshot(snapshot);
}

/** How long a poll that was aborted may take to let go of what it holds. */
const letGoMs = 1_000;

/**
 * Runs `work` with a signal that aborts with `outer` or after `timeoutMs`. Rejects then, with the reason or with a
 * `transient` error, even if the work does not hear of it.
 */
export async function inTime<T>(
  { clock }: WatchContext,
  outer: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const timeout = async (): Promise<never> => {
    await sleep(clock, timeoutMs, AbortSignal.any([outer, done.signal]), true);
    const error = new SourceError("transient", `no answer within ${timeoutMs} ms`);
    late.abort(error);
    throw error;
  };
  const expired = timeout();
  // What throws at once is a failure like any other.
  const running = (async () => work(AbortSignal.any([outer, late.signal])))();
  try {
    return await Promise.race([running, expired]);
  } finally {
    if (outer.aborted) {
      // The watch has ended when its sockets have, and they close a moment after the abort.
      const patience = sleep(clock, letGoMs, done.signal, true);
      await Promise.race([running, patience]).catch(() => undefined);
    }
    done.abort();
    await expired.catch(() => undefined);
  }
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
function ratio(field: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw configError(field, "a number from 0 to 1", value);
}
