import { sameEndpoint } from "../discovery/equal.ts";
import type { Sliceable } from "../discovery/slices.ts";
import type { Endpoint, Snapshot } from "../discovery/source.ts";

/** As many endpoints as are compared in one piece. */
const PIECE = 512;

/** What a source told last. A poll reads everything anew, and hardly any of it has changed. */
export class LastSnapshot {
  #last: Snapshot | undefined;
  #byId: ReadonlyMap<string, Endpoint> = new Map();

  /**
   * Takes the next one. Whoever is in it as before becomes the very object that was told, which is all that the directory then
   * looks at.
   * @returns what is to be told; undefined where it is what was told last
   */
  *next(snapshot: Snapshot): Sliceable<Snapshot | undefined> {
    const last = this.#last;
    const before = last?.endpoints ?? [];
    const { endpoints, kind, skipped, trust } = snapshot;
    const byId = new Map<string, Endpoint>();
    const told: Endpoint[] = [];
    let isSame = last?.kind === kind && last.trust === trust && last.skipped === skipped;
    isSame &&= before.length === endpoints.length;
    for (let place = 0; place < endpoints.length; place++) {
      if (place % PIECE === 0) yield;
      const fresh = endpoints[place]!;
      const there = before[place];
      const known = there?.id === fresh.id ? there : this.#byId.get(fresh.id);
      const endpoint = known !== undefined && sameEndpoint(known, fresh) ? known : fresh;
      isSame &&= endpoint === there;
      told.push(endpoint);
      byId.set(endpoint.id, endpoint);
    }
    if (isSame) return undefined;
    this.#byId = byId;
    this.#last = { ...snapshot, endpoints: told };
    return this.#last;
  }
}
