import type { Sliceable } from "@proxyless/core/discovery";

import type { InstanceRecord } from "./instance-record.ts";

/** Instances by application and id. */
type Apps = Map<string, Map<string, InstanceRecord>>;

/** As many instances as are taken in in one piece. */
const piece = 512;

/**
 * A whole registry, kept up to date with deltas. It keeps instances of every status, and those that are no endpoints,
 * because the server's hash code counts all of them.
 */
export class RegistryView {
  #apps: Apps = new Map();
  #counts = new Map<string, number>();

  /** The instances of an application; `undefined` when there is none of that name. */
  app(name: string): readonly InstanceRecord[] | undefined {
    const instances = this.#apps.get(name);
    return instances === undefined ? undefined : [...instances.values()];
  }

  /** Forgets everything else. */
  *replace(records: readonly InstanceRecord[]): Sliceable<void> {
    const view = new RegistryView();
    for (const [i, record] of records.entries()) {
      if (i % piece === 0) yield;
      view.#put(record);
    }
    this.#apps = view.#apps;
    this.#counts = view.#counts;
  }

  /**
   * Applies the changes of the last minutes, in their order. The same ones come again and again, and a cached delta may be
   * older than what is known: what an instance's own time stamp shows to be older changes nothing.
   */
  *apply(records: readonly InstanceRecord[]): Sliceable<void> {
    for (const [i, record] of records.entries()) {
      if (i % piece === 0) yield;
      const known = this.#apps.get(record.app)?.get(record.id);
      if (known !== undefined && (known.updatedAt ?? 0) > (record.updatedAt ?? Infinity)) continue;
      if (record.action === "DELETED") this.#remove(record);
      else this.#put(record);
    }
  }

  /** The count of each status, in alphabetical order: `DOWN_1_UP_3_` (`Applications.getReconcileHashCode` of Netflix). */
  hashCode(): string {
    const counts = [...this.#counts].filter(([, count]) => count > 0);
    const sorted = counts.toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([status, count]) => `${status}_${count}_`).join("");
  }

  #remove({ app, id }: InstanceRecord): void {
    const instances = this.#apps.get(app);
    const known = instances?.get(id);
    if (instances === undefined || known === undefined) return;
    this.#count(known, -1);
    instances.delete(id);
    if (instances.size === 0) this.#apps.delete(app);
  }

  #put(record: InstanceRecord): void {
    const instances = this.#apps.get(record.app) ?? new Map<string, InstanceRecord>();
    const known = instances.get(record.id);
    if (known !== undefined) this.#count(known, -1);
    this.#count(record, 1);
    instances.set(record.id, record);
    this.#apps.set(record.app, instances);
  }

  #count({ status }: InstanceRecord, by: number): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + by);
  }
}
