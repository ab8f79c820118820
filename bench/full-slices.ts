import type { WrittenEndpoint } from "../test/discovery/under-test.ts";
import type { ApiServer } from "../test/kubernetes/api-server.ts";
import { sliceJson } from "../test/kubernetes/slices.ts";
import type { ChurnWriter } from "./churning.ts";

/** How many endpoints Kubernetes' own controller puts into a slice. */
const perSlice = 100;

/** Writes endpoints into slices as the controller does: a change of one is a new version of its whole slice. */
export class FullSlices implements ChurnWriter {
  readonly #server: ApiServer;
  readonly #slices: Map<string, WrittenEndpoint>[] = [];
  /** Which slice an endpoint is in. */
  readonly #places = new Map<string, number>();

  constructor(server: ApiServer) {
    this.#server = server;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    for (const [i, endpoint] of endpoints.entries()) {
      const place = Math.floor(i / perSlice);
      (this.#slices[place] ??= new Map()).set(endpoint.id, endpoint);
      this.#places.set(endpoint.id, place);
    }
    for (const place of this.#slices.keys()) this.#write(service, place);
  }

  async swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    const place = this.#places.get(gone.id) ?? 0;
    this.#slices[place]?.delete(gone.id);
    this.#slices[place]?.set(added.id, added);
    this.#places.delete(gone.id);
    this.#places.set(added.id, place);
    this.#write(service, place);
  }

  #write(service: string, place: number): void {
    const pods = Array.from(this.#slices[place]?.values() ?? [], ({ id, host }) => ({ name: id, ip: host }));
    this.#server.put(sliceJson({ name: `${service}-${place}`, service, pods }));
  }
}
