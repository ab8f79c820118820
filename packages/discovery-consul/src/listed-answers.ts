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
  /** Reads the JSON of one entry; `undefined` for one that cannot be used. */
  decode(json: unknown): DecodedEntry | undefined;
  /** @throws SourceError of class `data` for a list that makes no sense */
  answer(entries: DecodedEntries, headers: IncomingHttpHeaders): Answer;
}

/** An entry as it came once; two with the same bytes are one. */
interface KnownEntry {
  readonly bytes: Buffer;
  readonly decoded: DecodedEntry | undefined;
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
    const entries: KnownEntry[] = [];
    const list = new DecodedEntries();
    const fresh: string[] = [];
    const before = this.#entries;
    let bytes = 0;
    /** Where the entry stands in the answer before that probably comes next. */
    let next = 0;
    const take = (entry: KnownEntry): void => {
      bytes += entry.bytes.length;
      entries.push(entry);
      list.add(entry.decoded);
    };
    const reader: ListReader = {
      get expected() {
        return before[next]?.bytes;
      },
      repeated: () => {
        const entry = before[next++];
        if (entry !== undefined) take(entry);
      },
      element: (json) => {
        const digest = hash("sha256", json, "binary");
        let entry = this.#known.get(digest);
        if (entry === undefined) {
          entry = this.#decode(json);
          this.#known.set(digest, entry);
          fresh.push(digest);
        } else if (entry.seenIn === this.#number) next = entry.place + 1;
        take(entry);
      },
    };
    try {
      const response = await http.list(request, reader, clock, signal);
      this.#headers = response.headers;
      this.#bytes = bytes;
      if (response.status === 200) {
        this.#entries = entries;
        this.#list = list;
        this.#forgetOthers();
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

  #forgetOthers(): void {
    this.#number++;
    for (const [place, entry] of this.#entries.entries()) {
      entry.seenIn = this.#number;
      entry.place = place;
    }
    for (const [digest, { seenIn }] of this.#known) {
      if (seenIn !== this.#number) this.#known.delete(digest);
    }
  }

  #decode(json: Buffer): KnownEntry {
    let parsed: unknown;
    try {
      parsed = JSON.parse(json.toString("utf8"));
    } catch (error) {
      const reason = `${this.#reading.subject}: Consul's answer is no JSON`;
      throw new SourceError("data", reason, { cause: error });
    }
    return { bytes: Buffer.from(json), decoded: this.#reading.decode(parsed), seenIn: 0, place: 0 };
  }
}
