import type { SourceDeclarations } from "../discovery/combine/declarations.ts";
import type { DiscoverySource } from "../discovery/source.ts";
import { wholeNumber } from "./option-checks.ts";
import { Pacer } from "./pacer.ts";
import { deliver, inTime } from "./polling-source.ts";
import type { PollAnswer, PollQuestion } from "./polling-source.ts";
import { watchLoop } from "./watch-loop.ts";
import type { WatchRound } from "./watch-loop.ts";

/** What a long poll is given. */
export interface LongPollQuestion<C> extends PollQuestion {
  /** What the last answer gave; undefined when the registry is to answer at once, with everything it has. */
  readonly cursor: C | undefined;
}

/** What a long poll answers. */
export interface LongPollAnswer<C> extends Omit<PollAnswer, "nextMs"> {
  /** Where the next poll goes on from (an index, a revision, a hash); undefined begins anew. */
  readonly cursor: C | undefined;
}

/** What a long-polling source is made of. */
export interface LongPollSourceParts<C> extends SourceDeclarations {
  /** Shown in events and dumps. */
  readonly name: string;
  /** How long one poll may take, in milliseconds, 10 to 900,000: longer than the registry keeps it waiting. */
  readonly timeoutMs: number;
  /**
   * The least time between two polls, in milliseconds, 0 to 60,000; default: 100. A change that comes alone is not
   * delayed by it.
   */
  readonly minGapMs?: number;
  /**
   * Asks, and waits with the registry until there is news. What it throws is told as trouble, and the next poll begins
   * without a cursor.
   */
  readonly poll: (service: string, question: LongPollQuestion<C>) => Promise<LongPollAnswer<C>>;
  /** Everything that changes the answer. Default: the name and the service. */
  readonly key?: (service: string) => string;
  /** Ends what the polls share. */
  readonly close?: () => Promise<void>;
}

/**
 * A source whose registry answers when something changed. It forgets its cursor in trouble and when somebody doubts the
 * answer, bounds how often it asks a registry that answers at once, and is silent after its end.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a number out of its range
 */
export function longPollSource<C>(parts: LongPollSourceParts<C>): DiscoverySource {
  const { close, key, minGapMs: gap, name, poll, timeoutMs: timeout, ...rest } = parts;
  const timeoutMs = wholeNumber("timeoutMs", timeout, 60_000, 10, 900_000);
  const minGapMs = wholeNumber("minGapMs", gap, 100, 0, 60_000);
  return {
    ...rest,
    name,
    key: ({ service }) => key?.(service) ?? `${name}:${service}`,
    watch: ({ service }, sink, context) => {
      const cursor = new Cursor<C>();
      const pacer = new Pacer(1, minGapMs);
      return watchLoop(sink, context, {
        round: async (round) => {
          const from = cursor.take(round);
          const { clock } = context;
          const question = { cursor: from, clock, wasRefreshed: round.wasRefreshed };
          const answer = await inTime(context, round.signal, timeoutMs, (signal) =>
            poll(service, { ...question, signal }),
          );
          cursor.next = answer.cursor;
          deliver(sink, context, answer);
          round.good();
          return pacer.take(clock.now());
        },
      });
    },
    ...(close === undefined ? undefined : { close }),
  };
}

/** Where the next poll goes on from. Whatever goes wrong, it is gone. */
class Cursor<C> {
  next: C | undefined;

  take(round: WatchRound): C | undefined {
    const from = round.wasRefreshed ? undefined : this.next;
    this.next = undefined;
    // A poll that waits for news may be cut short; one that gets an answer at once need not be.
    if (from !== undefined) round.interruptible();
    return from;
  }
}
