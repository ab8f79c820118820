import type { Random } from "@proxyless/core";
import { SourceError, toSourceError } from "@proxyless/core/discovery";

import type { ExchangeContext } from "./exchange.ts";
import type { QuestionType, RecordData, Reply } from "./message.ts";
import type { Settings } from "./options.ts";
import { identityOf, readSet } from "./record-set.ts";
import type { RecordSet } from "./record-set.ts";
import { refreshDelay } from "./refresh-delay.ts";
import type { Resolved, Resolver } from "./resolver.ts";
import type { SystemNames } from "./system-files.ts";

/** What one round of a watch asks with. */
export interface Round extends ExchangeContext {
  readonly random: Random;
  readonly system: SystemNames;
  /** Nothing that is known counts as fresh enough. */
  readonly fresh: boolean;
  /** Says something that is worth knowing and no trouble. */
  readonly notice: (message: string) => void;
}

/** A set, and how sure it is. */
export interface Known {
  readonly set: RecordSet;
  /** When to ask again, on the clock. */
  readonly until: number;
  /** Why it could not be asked for again, where that failed: then it is what was known before. */
  readonly problem?: SourceError;
}

/** What was learned about one question over time. */
interface Memory {
  known?: Known;
  /** UDP was seen to leave records out without saying so. */
  isCut: boolean;
  /** As many records as the last answer that TCP confirmed to be whole. */
  wholeAt: number;
}

/** Sets that run out within so many milliseconds are asked for together. */
const togetherMs = 25;
/** How long TCP is not tried again for a second opinion where it failed, in milliseconds. */
const tcpRestMs = 600_000;
/** Consul sends so many records over UDP and leaves the others out without a word. */
const consulLimit = 3;
/** An answer this long may have been cut to the size that a packet may have. */
const nearlyFullBytes = 900;
const maxChases = 8;

/**
 * The record sets that a watch needs, each asked for when its time to live is over. What fails keeps its last good set. An
 * answer over UDP takes no record away and is not believed to be whole where it looks cut: TCP is asked for a second opinion.
 */
export class RecordStore {
  readonly #resolver: Resolver;
  readonly #settings: Settings;
  readonly #memories = new Map<string, Memory>();
  #tcpRestsUntil = -Infinity;
  /** How many sets were answered for. */
  answered = 0;

  constructor(resolver: Resolver, settings: Settings) {
    this.#resolver = resolver;
    this.#settings = settings;
  }

  /** What is known of the set, however old. */
  peek(name: string, type: QuestionType): Known | undefined {
    return this.#memories.get(keyOf(name, type))?.known;
  }

  /**
   * The set as it is known, or as it is now when its time is over.
   * @throws SourceError when it cannot be asked for and never could; the signal's reason when it aborted
   */
  async get(name: string, type: QuestionType, round: Round): Promise<Known> {
    const memory = this.#memoryOf(name, type);
    const now = round.clock.now();
    const before = memory.known;
    if (before !== undefined && !round.fresh && now + togetherMs < before.until) return before;
    try {
      const { set, reply } = await this.#ask(name, type, memory, round);
      const delay = refreshDelay(set.ttl, reply.isAuthoritative, this.#settings, round.random);
      memory.known = { set, until: round.clock.now() + delay };
      this.answered++;
      this.#learn(set, reply.additionals, round);
      return memory.known;
    } catch (error) {
      if (before === undefined || round.signal.aborted) throw error;
      memory.known = { ...before, until: now, problem: toSourceError(error) };
      return memory.known;
    }
  }

  /** Forgets what is not in use any more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const key of this.#memories.keys()) {
      if (!names.has(key.slice(key.indexOf(" ") + 1))) this.#memories.delete(key);
    }
  }

  /** Takes over the addresses of SRV targets that a server sent along, unless they are known already. */
  #learn({ records }: RecordSet, additionals: readonly RecordData[], round: Round): void {
    for (const record of records) {
      if (record.type !== "SRV") continue;
      for (const type of ["A", "AAAA"] as const) {
        const own = additionals.filter((each) => each.type === type && each.name === record.target);
        if (own.length > 0) this.#takeOver(record.target, type, own, round);
      }
    }
  }

  #takeOver(name: string, type: "A" | "AAAA", records: readonly RecordData[], round: Round): void {
    const memory = this.#memoryOf(name, type);
    const now = round.clock.now();
    if (memory.known !== undefined && now + togetherMs < memory.known.until) return;
    const ttl = records.reduce((min, each) => Math.min(min, each.ttl), Infinity);
    const delay = refreshDelay(ttl, true, this.#settings, round.random);
    memory.known = { set: { exists: true, records, ttl }, until: now + delay };
  }

  #memoryOf(name: string, type: QuestionType): Memory {
    const key = keyOf(name, type);
    let memory = this.#memories.get(key);
    if (memory === undefined) {
      memory = { isCut: false, wholeAt: 0 };
      this.#memories.set(key, memory);
    }
    return memory;
  }

  async #ask(
    name: string,
    type: QuestionType,
    memory: Memory,
    round: Round,
  ): Promise<{ readonly set: RecordSet; readonly reply: Reply }> {
    const first = await this.#send(name, type, round, memory.isCut);
    const set = await this.#follow(name, type, first, round);
    const tcpRests = round.clock.now() < this.#tcpRestsUntil;
    if (first.overTcp || tcpRests || !looksCut(first, set, memory)) {
      return { set, reply: first.reply };
    }
    try {
      const second = await this.#send(name, type, round, true);
      const whole = await this.#follow(name, type, second, round);
      memory.isCut = whole.records.length > set.records.length;
      memory.wholeAt = whole.records.length;
      return { set: whole, reply: second.reply };
    } catch (error) {
      if (round.signal.aborted) throw error;
      this.#tcpRestsUntil = round.clock.now() + tcpRestMs;
      return { set, reply: first.reply };
    }
  }

  /** The set at the end of the aliases, asking on where a server only gave the first of them. */
  async #follow(name: string, type: QuestionType, first: Resolved, round: Round): Promise<RecordSet> {
    let owner = name;
    let reply = first.reply;
    let least = Infinity;
    for (let i = 0; i <= maxChases; i++) {
      const read = readSet(owner, type, reply);
      if ("set" in read) {
        const ttl = Math.min(least, read.set.ttl ?? Infinity);
        return { ...read.set, ttl: Number.isFinite(ttl) ? ttl : undefined };
      }
      owner = read.alias;
      least = Math.min(least, read.ttl);
      // eslint-disable-next-line no-await-in-loop -- each alias leads to the next
      ({ reply } = await this.#send(owner, type, round, first.overTcp));
    }
    throw new SourceError("data", `${type} of ${name}: more than ${maxChases} aliases`);
  }

  #send(name: string, type: QuestionType, round: Round, tcp: boolean): Promise<Resolved> {
    const { system } = round;
    const asking = { servers: system.servers, tcp: tcp || system.tcp, tries: this.#settings.tries };
    return this.#resolver.ask(name, type, asking, round);
  }
}

function looksCut({ reply }: Resolved, { records }: RecordSet, memory: Memory): boolean {
  const now = new Set(records.map(identityOf));
  const lost = memory.known?.set.records.some((each) => !now.has(identityOf(each))) ?? false;
  const isFull = records.length === consulLimit || reply.bytes >= nearlyFullBytes;
  return lost || (isFull && memory.wholeAt !== records.length);
}

function keyOf(name: string, type: QuestionType): string {
  return `${type} ${name.toLowerCase()}`;
}
