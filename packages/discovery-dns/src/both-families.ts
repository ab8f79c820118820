import { sleep } from "@proxyless/core";
import { toSourceError } from "@proxyless/core/discovery";
import type { SourceError } from "@proxyless/core/discovery";

import type { Known, RecordStore, Round } from "./record-store.ts";

type AddressType = "A" | "AAAA";

/** What is known of a host's addresses, family by family. */
export interface Families {
  readonly exists: boolean;
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** When to ask again, on the clock. */
  readonly until: number;
  /** Why a part of it is what was known before. */
  readonly problem: SourceError | undefined;
}

/** What became of the question for one family. */
interface Outcome {
  readonly type: AddressType;
  readonly known?: Known | undefined;
  /** Why it is not known as of now. */
  readonly error?: SourceError;
  /** It was not asked for: the error is that of the last time. */
  readonly isResting?: boolean;
}

/** A family that gave no answer while the other one did. */
interface Trouble {
  readonly count: number;
  /** When it is asked for again, on the clock. */
  readonly notBefore: number;
  readonly error: SourceError;
}

/**
 * How long the slower family is waited for once the other one has addresses, in milliseconds (the Resolution Delay of RFC
 * 8305). A server may just be slow: every question that is given up makes the next wait four times as long, three times.
 */
const resolutionDelayMs = 50;
const patienceSteps = 4;
/** How long a family without an answer is left alone, in milliseconds: doubling up to `maxRestMs`. */
const restMs = 1000;
const maxRestMs = 60_000;
/** The same while addresses of it are in use: that they are old shall not last. */
const maxRestInUseMs = 5000;

/**
 * Asks for both families of a host at once. One that is not answered for never holds up nor undoes what the other one says:
 * servers that drop or refuse questions for AAAA are common. It is a problem only where addresses of it are in use.
 */
export class BothFamilies {
  readonly #store: RecordStore;
  readonly #troubles = new Map<string, Trouble>();

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** @throws SourceError when it cannot be said whether the host has addresses; the signal's reason when it aborted */
  async find(host: string, round: Round): Promise<Families> {
    const stop = { A: new AbortController(), AAAA: new AbortController() };
    const v6 = this.#ask(host, "AAAA", round, stop.AAAA.signal);
    const v4 = this.#ask(host, "A", round, stop.A.signal);
    const first = await Promise.race([v6, v4]);
    if (hasAddresses(first)) {
      const type = first.type === "A" ? "AAAA" : "A";
      const late = new AbortController();
      const other = type === "A" ? v4 : v6;
      const isWell = this.#store.peek(host, type) !== undefined && !this.#troubles.has(`${type} ${host}`);
      if (!isWell) {
        await Promise.race([other, this.#patience(`${type} ${host}`, round, late.signal)]);
        stop[type].abort(new Error("the other family was answered for long before it"));
      }
      late.abort();
    }
    const outcomes = await Promise.all([v6, v4]);
    round.signal.throwIfAborted();
    return this.#combine(host, outcomes, round);
  }

  /** Forgets what is not in use any more. */
  keepOnly(hosts: ReadonlySet<string>): void {
    for (const key of this.#troubles.keys()) {
      if (!hosts.has(key.slice(key.indexOf(" ") + 1))) this.#troubles.delete(key);
    }
  }

  async #ask(host: string, type: AddressType, round: Round, stop: AbortSignal): Promise<Outcome> {
    const trouble = this.#troubles.get(`${type} ${host}`);
    if (trouble !== undefined && !round.fresh && round.clock.now() < trouble.notBefore) {
      return { type, known: this.#store.peek(host, type), error: trouble.error, isResting: true };
    }
    try {
      const signal = AbortSignal.any([round.signal, stop]);
      const known = await this.#store.get(host, type, { ...round, signal });
      return known.problem === undefined ? { type, known } : { type, known, error: known.problem };
    } catch (error) {
      return { type, known: this.#store.peek(host, type), error: toSourceError(error) };
    }
  }

  async #patience(key: string, { clock }: Round, signal: AbortSignal): Promise<void> {
    const count = this.#troubles.get(key)?.count ?? 0;
    try {
      await sleep(clock, resolutionDelayMs * 4 ** (count % patienceSteps), signal, true);
    } catch {
      // The other family was heard.
    }
  }

  #combine(host: string, outcomes: readonly [Outcome, Outcome], round: Round): Families {
    const [v6, v4] = outcomes;
    const now = round.clock.now();
    let problem: SourceError | undefined;
    let until = Infinity;
    for (const [outcome, other] of [outcomes, [v4, v6] as const]) {
      const { error, isResting, known, type } = outcome;
      const key = `${type} ${host}`;
      if (error === undefined) {
        this.#troubles.delete(key);
        until = Math.min(until, known?.until ?? Infinity);
        continue;
      }
      const isInUse = hasAddresses(outcome);
      const isSpared = other.error === undefined && hasAddresses(other);
      const trouble = this.#troubles.get(key);
      if (isResting === true) until = Math.min(until, trouble?.notBefore ?? now);
      else if (isSpared) {
        const count = (trouble?.count ?? 0) + 1;
        const longest = isInUse ? maxRestInUseMs : maxRestMs;
        const notBefore = now + Math.min(longest, restMs * 2 ** Math.min(count - 1, 10));
        this.#troubles.set(key, { count, notBefore, error });
        until = Math.min(until, notBefore);
        // The host can be reached, and all that is known of it is what the other family says.
        if (count === 1 && !isInUse) round.notice(`${host} has one family of addresses: ${error.message}`);
      } else until = now;
      if (isInUse || !isSpared) problem = error;
    }
    const sets = outcomes.flatMap(({ known }) => known ?? []);
    const hasNone = !outcomes.some(hasAddresses);
    const isAbsent = sets.some(({ set }) => !set.exists);
    if (problem !== undefined && hasNone && !isAbsent) throw problem;
    return {
      exists: sets.some(({ set }) => set.exists),
      v4: addressesOf(v4.known),
      v6: addressesOf(v6.known),
      until,
      problem,
    };
  }
}

/** The addresses of a set. */
export function addressesOf(known: Known | undefined): readonly string[] {
  const records = known?.set.records ?? [];
  return records.flatMap((each) => (each.type === "A" || each.type === "AAAA" ? each.address : []));
}

function hasAddresses({ known }: Outcome): boolean {
  return addressesOf(known).length > 0;
}
