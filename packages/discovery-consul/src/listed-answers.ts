import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

import type { Clock } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";
import type { ListReader, RegistryResponse } from "@proxyless/core/discovery";

import type { Answer, Answers } from "./answers.ts";
import type { ConsulHttp, ConsulRequest } from "./consul-http.ts";
import { DecodedEntries } from "./health-entry.ts";
import type { DecodedEntry } from "./health-entry.ts";

/** What reads the entries of a list. */
export interface ListedReading {
  /** For errors: `service web`. */
  readonly subject: string;
  /** Reads the JSON of one entry; `ignored` for one that is not for HTTP clients, `undefined` for one that cannot be used. */
  decode(json: unknown): DecodedEntry | "ignored" | undefined;
  /** @throws SourceError of class `data` for a list that makes no sense */
  answer(entries: DecodedEntries, headers: IncomingHttpHeaders): Answer;
}

/** An entry as it came once; two with the same bytes are one. */
interface KnownEntry {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly decoded: DecodedEntry | "ignored" | undefined;
  /** The number of the last answer that it was in, and where it stood there. */
  seenIn: number;
  place: number;
}

/**
 * Answers that are lists, read entry by entry while they come. An entry whose bytes were in the answer before is not parsed
 * again: of ten thousand usually one has changed. One that follows whom it followed there is not even searched for.
 */
export class ListedAnswers implements Answers {
  readonly #reading: ListedReading;
  /** The entries of the last answer, by the digest of their bytes. */
  readonly #known = new Map<string, KnownEntry>();
  #headers: IncomingHttpHeaders = {};
  #bytes = 0;
  #number = 0;
  #entries: readonly KnownEntry[] = [];
  #list = new DecodedEntries();
  #kept: readonly KnownEntry[] | undefined;

  constructor(reading: ListedReading) {
    this.#reading = reading;
  }

  async fetch(
    http: ConsulHttp,
    request: ConsulRequest,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    const comparison = new Comparison(this.#entries, ++this.#number);
    const fresh: string[] = [];
    const reader: ListReader = {
      get expected() {
        return comparison.expected;
      },
      repeated: () => {
        comparison.repeated();
      },
      element: (json) => {
        const digest = hash("sha256", json, "binary");
        let entry = this.#known.get(digest);
        if (entry === undefined) {
          entry = this.#decode(json, digest);
          this.#known.set(digest, entry);
          fresh.push(digest);
        }
        comparison.take(entry);
      },
    };
    try {
      const response = await http.list(request, reader, clock, signal);
      this.#headers = response.headers;
      this.#bytes = comparison.bytes;
      if (response.status === 200) {
        this.#entries = comparison.entries;
        this.#list = comparison.list;
        for (const { digest } of comparison.gone()) this.#known.delete(digest);
      }
      return response;
    } catch (error) {
      // What was no whole list says nothing of the entries of the one before, which will come again.
      for (const digest of fresh) this.#known.delete(digest);
      throw error;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isRepeated(): boolean {
    const entries = this.#entries;
    return this.#kept?.length === entries.length && this.#kept.every((entry, i) => entry === entries[i]);
  }

  read(): Answer {
    return this.#reading.answer(this.#list, this.#headers);
  }

  keep(): void {
    this.#kept = this.#entries;
  }

  #decode(json: Buffer, digest: string): KnownEntry {
    let parsed: unknown;
    try {
      parsed = JSON.parse(json.toString("utf8"));
    } catch (error) {
      const reason = `${this.#reading.subject}: Consul's answer is no JSON`;
      throw new SourceError("data", reason, { cause: error });
    }
    const decoded = this.#reading.decode(parsed);
    // Out of the pool that buffers share, each that stays would keep 8 KiB of what has long gone.
    const bytes = Buffer.allocUnsafeSlow(json.length);
    json.copy(bytes);
    return { bytes, digest, decoded, seenIn: 0, place: 0 };
  }
}

/** An answer that is read, beside the one before. What is done for an entry is done while it comes, so that its end is no long turn. */
class Comparison {
  readonly #before: readonly KnownEntry[];
  readonly #number: number;
  readonly entries: KnownEntry[] = [];
  readonly list: DecodedEntries = new DecodedEntries();
  bytes = 0;
  /** Where the entry stands in the answer before that probably comes next. */
  #next = 0;
  /** Up to where that one's entries have come again, or were passed. */
  #reached = 0;
  readonly #passed: KnownEntry[] = [];

  constructor(before: readonly KnownEntry[], number: number) {
    this.#before = before;
    this.#number = number;
  }

  get expected(): Buffer | undefined {
    return this.#before[this.#next]?.bytes;
  }

  /** The entry that was expected came. */
  repeated(): void {
    const entry = this.#before[this.#next];
    if (entry !== undefined) this.#add(entry, this.#next);
  }

  take(entry: KnownEntry): void {
    const { place } = entry;
    this.#add(entry, this.#before[place] === entry ? place : undefined);
  }

  /** The entries of the answer before that have not come again. */
  gone(): readonly KnownEntry[] {
    const left = [...this.#passed, ...this.#before.slice(this.#reached)];
    return left.filter(({ seenIn }) => seenIn !== this.#number);
  }

  #add(entry: KnownEntry, place: number | undefined): void {
    if (place !== undefined) {
      for (let passed = this.#reached; passed < place; passed++) this.#passed.push(this.#before[passed]!);
      this.#next = place + 1;
      this.#reached = Math.max(this.#reached, this.#next);
    }
    entry.seenIn = this.#number;
    entry.place = this.entries.length;
    this.bytes += entry.bytes.length;
    this.entries.push(entry);
    this.list.add(entry.decoded);
  }
}
