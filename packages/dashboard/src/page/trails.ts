import type { ServiceState } from "../state.ts";

/** So many seconds are kept. */
const maxSeconds = 60;

type Trail = readonly (number | null)[];

/** What the average latency of each endpoint was: a number for each second, however often there was a look. */
export class Trails {
  readonly #services = new Map<string, ReadonlyMap<string, Trail>>();
  #at: number | undefined;

  /** The oldest first; null where nothing was known. */
  of(service: string, id: string): Trail {
    return this.#services.get(service)?.get(id) ?? [];
  }

  /**
   * @param at when the look was, in seconds; undefined where there was none yet
   * @param isGap whether nobody knows what was between this look and the one before
   */
  add(services: Readonly<Record<string, ServiceState>>, at: number | undefined, isGap: boolean): void {
    const passed = at === undefined || this.#at === undefined ? 1 : Math.round(at - this.#at);
    const between = Math.min(maxSeconds, Math.max(1, passed)) - 1;
    this.#at = at;
    for (const known of this.#services.keys()) if (!(known in services)) this.#services.delete(known);
    for (const [name, { endpoints }] of Object.entries(services)) {
      const before = this.#services.get(name);
      const after = new Map<string, Trail>();
      for (const [id, { figures }] of Object.entries(endpoints)) {
        const [, , latencyMs] = figures;
        const trail = before?.get(id);
        const missed = Array.from({ length: between }, () => (isGap ? null : latencyMs));
        after.set(
          id,
          trail === undefined ? [latencyMs] : [...trail, ...missed, latencyMs].slice(-maxSeconds),
        );
      }
      this.#services.set(name, after);
    }
  }
}
