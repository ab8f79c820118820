import { keepSame } from "./same-endpoints.ts";
import type { Slice } from "./slice.ts";

/** The slices of one or of many services, and which services changed since somebody asked. */
export class SliceStore {
  #services = new Map<string, Map<string, Slice>>();
  /** Which service a slice belongs to, by its name. */
  #owners = new Map<string, string>();
  #unreadable = 0;
  #changed = new Set<string>();
  #allChanged = false;

  /** Objects that are no slices of any service. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** The slices of a service in the order of their names. */
  of(service: string): readonly Slice[] {
    const slices = this.#services.get(service);
    if (slices === undefined) return [];
    return [...slices.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A slice by its name. */
  find(name: string): Slice | undefined {
    const owner = this.#owners.get(name);
    return owner === undefined ? undefined : this.#services.get(owner)?.get(name);
  }

  /** Takes a slice as the API server tells it; undefined is an object that is none. */
  put(slice: Slice | undefined): void {
    if (slice === undefined) {
      this.#unreadable++;
      return;
    }
    const before = this.#owners.get(slice.name);
    if (before !== undefined && before !== slice.service) this.#remove(slice.name, before);
    const slices = this.#services.get(slice.service);
    const known = slices?.get(slice.name)?.endpoints;
    const kept = known === undefined ? slice : { ...slice, endpoints: keepSame(known, slice.endpoints) };
    if (slices === undefined) this.#services.set(slice.service, new Map([[slice.name, kept]]));
    else slices.set(slice.name, kept);
    this.#owners.set(slice.name, slice.service);
    this.#changed.add(slice.service);
  }

  delete(slice: Slice | undefined): void {
    const name = slice?.name;
    const owner = name === undefined ? undefined : this.#owners.get(name);
    if (name !== undefined && owner !== undefined) this.#remove(name, owner);
  }

  /** Forgets everything else: a list that was read from the start. */
  replace(slices: Iterable<Slice | undefined>): void {
    this.#services = new Map();
    this.#owners = new Map();
    this.#unreadable = 0;
    for (const slice of slices) this.put(slice);
    this.#allChanged = true;
  }

  /** Whether a service changed, since the last call; afterwards none has. */
  takeChanges(): (service: string) => boolean {
    const changed = this.#changed;
    const all = this.#allChanged;
    this.#changed = new Set();
    this.#allChanged = false;
    return (service) => all || changed.has(service);
  }

  #remove(name: string, service: string): void {
    this.#owners.delete(name);
    const slices = this.#services.get(service);
    slices?.delete(name);
    if (slices?.size === 0) this.#services.delete(service);
    this.#changed.add(service);
  }
}
