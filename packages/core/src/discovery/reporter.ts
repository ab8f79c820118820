import type { EventHub } from "../event-hub.ts";
import { plainText } from "../plain-text.ts";
import type { Protection } from "./guard.ts";
import type { Diff, Resolution } from "./resolution.ts";
import type { DiscoveryError, DiscoveryNotice } from "./source.ts";

const maxTopics = 16;

/** Turns what happens to one watch into events, saying each thing once, and counts it. */
export class Reporter {
  readonly counts = {
    snapshots: 0,
    updates: 0,
    errors: 0,
    resets: 0,
    skipped: 0,
    protected: 0,
    refreshes: 0,
  };
  readonly #service: string;
  readonly #source: string;
  readonly #events: EventHub;
  #steps = { added: 0, updated: 0, removed: 0 };
  #skipped = "";
  #suspectKept = 0;
  /** The last notice of each topic. */
  readonly #noticed = new Map<string, string>();

  constructor(service: string, source: string, events: EventHub) {
    this.#service = service;
    this.#source = source;
    this.#events = events;
  }

  /** Steps of one list are one update. */
  updated(resolution: Resolution, { added, removed, updated }: Diff): void {
    this.#steps.added += added.length;
    this.#steps.updated += updated.length;
    this.#steps.removed += removed.length;
    if (resolution.status === "bound" && resolution.isPartial === true) return;
    const counts = this.#steps;
    this.#steps = { added: 0, updated: 0, removed: 0 };
    if (resolution.status === "failed" || !this.#events.wants("discovery.updated")) return;
    this.#events.emit({
      type: "discovery.updated",
      service: this.#service,
      source: this.#source,
      ...counts,
      endpoints: resolution.status === "bound" ? resolution.endpoints.length : 0,
      from: resolution.status === "bound" ? resolution.from : "live",
    });
  }

  /** The same notice is not said twice in a row. */
  noticed({ message, topic }: DiscoveryNotice): void {
    if (this.#noticed.get(topic) === message) return;
    if (this.#noticed.size < maxTopics || this.#noticed.has(topic)) this.#noticed.set(topic, message);
    if (!this.#events.wants("discovery.notice")) return;
    this.#events.emit({
      type: "discovery.notice",
      service: this.#service,
      source: this.#source,
      topic,
      message,
    });
  }

  error(error: DiscoveryError, serving: number): void {
    if (!this.#events.wants("discovery.error")) return;
    this.#events.emit({
      type: "discovery.error",
      service: this.#service,
      source: this.#source,
      class: error.class,
      message: error.message,
      serving,
    });
  }

  recovered(staleMs: number): void {
    if (!this.#events.wants("discovery.recovered")) return;
    this.#events.emit({
      type: "discovery.recovered",
      service: this.#service,
      source: this.#source,
      staleMs,
    });
  }

  /** The same bad entries come with every snapshot: they are said when they change. */
  skipped(entries: number, reason: string): void {
    this.counts.skipped += entries;
    const news = entries > 0 && reason !== this.#skipped;
    this.#skipped = reason;
    if (!news || !this.#events.wants("discovery.skipped")) return;
    this.#events.emit({
      type: "discovery.skipped",
      service: this.#service,
      source: this.#source,
      entries,
      reason: plainText(reason),
    });
  }

  /** Repeated suspect answers are said when what they would have removed changes. */
  protected({ reason, kept, holdMs }: Protection): void {
    if (reason === "suspect" && kept === this.#suspectKept) return;
    this.#suspectKept = reason === "suspect" ? kept : 0;
    this.counts.protected++;
    if (!this.#events.wants("discovery.protected")) return;
    this.#events.emit({
      type: "discovery.protected",
      service: this.#service,
      source: this.#source,
      reason,
      kept,
      holdMs,
    });
  }

  /** The source spoke with authority again: the next suspect answer is news. */
  trusted(): void {
    this.#suspectKept = 0;
  }
}
