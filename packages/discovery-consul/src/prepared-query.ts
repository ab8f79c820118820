import { SourceError, isRecord } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { Answer, Answers } from "./answers.ts";
import { decodeEntries } from "./health-entry.ts";
import type { EntryReading } from "./health-entry.ts";
import { mayRead, pathOf } from "./question.ts";
import type { Asking, Question } from "./question.ts";
import { ageOf } from "./trust.ts";
import type { ReadSettings } from "./watch-options.ts";
import { WholeAnswers } from "./whole-answers.ts";

/** How a prepared query is run. */
export interface QuerySettings extends ReadSettings, EntryReading {
  readonly datacenter: string | undefined;
  readonly near: string | undefined;
  readonly limit: number | undefined;
  readonly intervalMs: number;
}

/**
 * Runs a prepared query. Consul does the failing over: it answers for the first datacenter that has usable instances and
 * tells how many it had to pass over, which becomes the priority.
 */
export class PreparedQuery implements Question {
  readonly subject: string;
  readonly rights = "query:read, service:read and node:read";
  readonly is404Answer = true;
  readonly pollMs: number;
  readonly #query: string;
  readonly #settings: QuerySettings;

  constructor(query: string, settings: QuerySettings) {
    this.subject = `query ${query}`;
    this.pollMs = settings.intervalMs;
    this.#query = query;
    this.#settings = settings;
  }

  path({ mode }: Asking): string {
    const { connection, datacenter, near, limit } = this.#settings;
    return pathOf(`/v1/query/${encodeURIComponent(this.#query)}/execute`, [
      ["dc", datacenter],
      ["ns", connection.namespace],
      ["partition", connection.partition],
      ["near", near],
      ["limit", limit?.toString()],
      [mode, mode === "default" ? undefined : true],
    ]);
  }

  answers(): Answers {
    return new WholeAnswers((response) => this.read(response));
  }

  /** 404 says that there is no such query. */
  read(response: RegistryResponse): Answer {
    const ageMs = ageOf(response.headers);
    if (response.status === 404) {
      const snapshot = { kind: "absent", endpoints: [], trust: "authoritative", ageMs } as const;
      return { snapshot, nodes: [] };
    }
    const answer = this.#parse(response.body);
    const { Nodes: nodes, Datacenter: datacenter, Failovers: failovers } = isRecord(answer) ? answer : {};
    // Nobody usable anywhere: Go writes an empty list as null.
    const priority = typeof failovers === "number" && failovers > 0 ? failovers : 0;
    const decoded = decodeEntries(nodes ?? [], this.#settings, priority);
    if (!isRecord(answer) || decoded === undefined) {
      throw new SourceError("data", `${this.subject}: Consul's answer has no list of nodes`);
    }
    const { endpoints, skipped } = decoded;
    if (endpoints.length === 0 && skipped > 0) {
      throw new SourceError(
        "data",
        `${this.subject}: none of ${skipped} entries has an identity and an address`,
      );
    }
    return {
      snapshot: {
        kind: "bound",
        endpoints,
        trust: "authoritative",
        ageMs,
        ...(typeof datacenter === "string" ? { revision: datacenter } : {}),
        ...(skipped === 0 ? {} : { skipped }),
      },
      nodes: decoded.nodes,
    };
  }

  access(nodes: readonly string[]): string {
    return JSON.stringify([mayRead("query", this.#query), ...nodes.map((node) => mayRead("node", node))]);
  }

  #parse(body: string): unknown {
    try {
      return JSON.parse(body);
    } catch (error) {
      throw new SourceError("data", `${this.subject}: Consul's answer is no JSON`, { cause: error });
    }
  }
}
