import type { Answers } from "./answers.ts";
import { healthAnswer } from "./health-answer.ts";
import { decodeEntry } from "./health-entry.ts";
import { ListedAnswers } from "./listed-answers.ts";
import type { Settings } from "./options.ts";
import type { Place } from "./places.ts";
import { askingParameters, mayRead, pathOf } from "./question.ts";
import type { Asking, Question } from "./question.ts";

/**
 * Asks for every instance of a service in one place. It never asks for `passing` only: a service with nothing healthy
 * and a service that does not exist must look different.
 */
export class HealthQuestion implements Question {
  readonly subject: string;
  readonly rights = "service:read and node:read";
  readonly is404Answer = false;
  readonly #service: string;
  readonly #place: Place;
  readonly #settings: Settings;

  constructor(service: string, place: Place, settings: Settings) {
    this.subject = `service ${service}`;
    this.#service = service;
    this.#place = place;
    this.#settings = settings;
  }

  path(asking: Asking): string {
    const { connection, filter, tags, waitMs } = this.#settings;
    return pathOf(`/v1/health/service/${encodeURIComponent(this.#service)}`, [
      ["dc", this.#place.datacenter],
      ["peer", this.#place.peer],
      ["ns", connection.namespace],
      ["partition", connection.partition],
      ["filter", filter],
      ...tags.map((tag) => ["tag", tag] as const),
      ...askingParameters(asking, waitMs),
    ]);
  }

  answers(): Answers {
    const service = this.#service;
    const settings = this.#settings;
    return new ListedAnswers({
      subject: this.subject,
      decode: (json) => decodeEntry(json, settings),
      answer: (entries, headers) => healthAnswer(service, entries, headers, settings),
    });
  }

  access(nodes: readonly string[]): string {
    return JSON.stringify([mayRead("service", this.#service), ...nodes.map((node) => mayRead("node", node))]);
  }
}
