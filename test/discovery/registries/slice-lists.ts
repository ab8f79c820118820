import type { SliceWriter } from "../../kubernetes/slice-writer.ts";
import { sliceJson } from "../../kubernetes/slices.ts";
import type { WrittenEndpoint } from "../under-test.ts";
import { inBatches } from "./consul-writer.ts";

/** What the controller of Kubernetes puts into one slice. */
const mostOfSlice = 100;

/** Lists of endpoints as a cluster's controller writes them: many to a slice, and changes on one another's heels in one go. */
export class SliceLists {
  readonly #writer: SliceWriter;
  /** What each slice of a service holds, or shall hold soon, by name. */
  readonly #slices = new Map<string, Map<string, WrittenEndpoint[]>>();
  /** The last write of a slice, and the one that has not begun. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(writer: SliceWriter) {
    this.#writer = writer;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    const before = this.#slices.get(service) ?? new Map<string, WrittenEndpoint[]>();
    const after = sliced(service, endpoints);
    this.#slices.set(service, after);
    const fresh = [...after].filter(
      ([name, list]) => JSON.stringify(before.get(name)) !== JSON.stringify(list),
    );
    await inBatches(fresh, ([name]) => this.#write(service, name));
    await inBatches(
      [...before.keys()].filter((name) => !after.has(name)),
      (name) => this.#writer.remove(name),
    );
  }

  /** Both have the same port: it is the slice's. */
  async swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    for (const [name, list] of this.#slices.get(service) ?? []) {
      const at = list.findIndex(({ id }) => id === gone.id);
      if (at === -1) continue;
      list[at] = added;
      // eslint-disable-next-line no-await-in-loop -- it is in one slice only
      await this.#write(service, name);
      return;
    }
  }

  /** The server has lost everything. */
  forget(): void {
    this.#slices.clear();
  }

  /** Resolves when a write has ended that began from now on. */
  #write(service: string, name: string): Promise<void> {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) return waiting;
    const next = this.#after(this.#running.get(name), service, name);
    this.#waiting.set(name, next);
    this.#running.set(name, next);
    return next;
  }

  async #after(last: Promise<void> | undefined, service: string, name: string): Promise<void> {
    await last;
    this.#waiting.delete(name);
    const list = this.#slices.get(service)?.get(name) ?? [];
    const pods = list.map(({ id, host }) => ({ name: id, ip: host }));
    const ports = [{ name: "", port: list[0]?.port, protocol: "TCP" }];
    await this.#writer.put(sliceJson({ name, service, ports, pods }));
  }
}

/** Endpoints by the slice that they go into: those of one port, a hundred at most. */
function sliced(service: string, endpoints: readonly WrittenEndpoint[]): Map<string, WrittenEndpoint[]> {
  const slices = new Map<string, WrittenEndpoint[]>();
  for (const [port, list] of Map.groupBy(endpoints, (endpoint) => endpoint.port)) {
    for (let from = 0; from < list.length; from += mostOfSlice) {
      slices.set(`${service}-${port}-${from / mostOfSlice}`, list.slice(from, from + mostOfSlice));
    }
  }
  return slices;
}
