import type { Sliceable } from "@proxyless/core/discovery";

import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "./ads-messages.ts";
import { decodeResource, errorDetail, kindOf, toResourceError } from "./ads-protocol.ts";
import type { AdsProtocol, Received, Update } from "./ads-protocol.ts";
import { millisecondsOf } from "./basic-messages.ts";
import { DecodeMemory, resourceKinds } from "./resource-kind.ts";
import type { AnyKind, ResourceError } from "./resource-kind.ts";

interface TypeState {
  readonly names: Set<string>;
  /** The version of each resource of which a good one is known. */
  readonly versions: Map<string, string>;
  isAsked: boolean;
  /** On this stream something was heard of this type. */
  isHeard: boolean;
  /** What an open stream was not told yet. */
  readonly added: Set<string>;
  readonly removed: Set<string>;
  /** What this stream's server takes for subscribed. */
  told: Set<string>;
}

/**
 * Incremental: requests say what is wanted in addition and what no longer; responses bring what changed and name what is
 * gone. A stream begins with the versions that are known, so that only one resource has to come twice.
 */
export class DeltaProtocol implements AdsProtocol<DeltaDiscoveryResponse> {
  readonly #memory = new DecodeMemory();
  readonly #types = new Map<AnyKind, TypeState>(
    resourceKinds.map((kind) => [
      kind,
      {
        names: new Set(),
        versions: new Map(),
        isAsked: false,
        isHeard: false,
        added: new Set(),
        removed: new Set(),
        told: new Set(),
      },
    ]),
  );

  begin(isSameServer: boolean): readonly DeltaDiscoveryRequest[] {
    const requests: DeltaDiscoveryRequest[] = [];
    for (const [kind, state] of this.#types) {
      if (!isSameServer) state.versions.clear();
      state.isHeard = false;
      state.isAsked = state.names.size > 0;
      state.added.clear();
      state.removed.clear();
      state.told = new Set(state.names);
      // A first request that subscribes to nothing would ask for every resource there is.
      if (!state.isAsked) continue;
      requests.push({
        typeUrl: kind.typeUrl,
        subscribe: [...state.names],
        ...(state.versions.size === 0 ? {} : { initialResourceVersions: initialVersions(state) }),
      });
    }
    return requests;
  }

  subscribe(kind: AnyKind, name: string): void {
    const state = this.#state(kind);
    state.names.add(name);
    this.#memory.want(kind, name);
    // To name what is subscribed already makes the server send it again.
    state.removed.delete(name);
    state.added.add(name);
  }

  unsubscribe(kind: AnyKind, name: string): void {
    const state = this.#state(kind);
    state.names.delete(name);
    this.#memory.forget(kind, name);
    state.versions.delete(name);
    state.added.delete(name);
    // What the server was never told it need not forget.
    if (state.told.has(name)) state.removed.add(name);
  }

  flush(): readonly DeltaDiscoveryRequest[] {
    const requests: DeltaDiscoveryRequest[] = [];
    for (const [kind, state] of this.#types) {
      const { added, removed } = state;
      if (added.size === 0 && removed.size === 0) continue;
      state.isAsked = true;
      requests.push({
        typeUrl: kind.typeUrl,
        ...(added.size === 0 ? {} : { subscribe: [...added] }),
        ...(removed.size === 0 ? {} : { unsubscribe: [...removed] }),
      });
      for (const name of added) state.told.add(name);
      for (const name of removed) state.told.delete(name);
      added.clear();
      removed.clear();
    }
    return requests;
  }

  *receive(response: DeltaDiscoveryResponse): Sliceable<Received | undefined> {
    const kind = kindOf(response.typeUrl);
    if (kind === undefined) return undefined;
    const state = this.#state(kind);
    if (!state.isAsked) return undefined;
    const read = yield* readResources(kind, response, this.#memory);
    const { failures } = read;
    const updates = read.updates.filter(({ name }) => state.names.has(name));
    for (const { name, version } of updates) state.versions.set(name, version);
    const renewals = read.renewals.filter(({ name }) => state.versions.has(name));
    const removed = response.removedResources.filter((name) => state.names.has(name));
    for (const name of removed) state.versions.delete(name);
    const reply: DeltaDiscoveryRequest = {
      typeUrl: kind.typeUrl,
      responseNonce: response.nonce,
      ...(failures.length === 0 ? {} : { errorDetail: errorDetail(failures) }),
    };
    // Of what the stream began with, the first response brings what has changed since.
    const confirmsRest = !state.isHeard;
    state.isHeard = true;
    const { systemVersionInfo: version } = response;
    return { kind, version, updates, renewals, failures, removed, reply, confirmsRest };
  }

  drop(kind: AnyKind, name: string): void {
    this.#state(kind).versions.delete(name);
  }

  #state(kind: AnyKind): TypeState {
    const state = this.#types.get(kind);
    if (state === undefined) throw new TypeError(`${kind.typeUrl} is no type that is known here`);
    return state;
  }
}

function* readResources(
  kind: AnyKind,
  { resources }: DeltaDiscoveryResponse,
  memory: DecodeMemory,
): Sliceable<Pick<Received, "updates" | "renewals" | "failures">> {
  const updates: Update[] = [];
  const renewals: { name: string; ttlMs: number | undefined }[] = [];
  const failures: ResourceError[] = [];
  for (const { name, resource, ttl, version } of resources) {
    yield;
    const ttlMs = millisecondsOf(ttl);
    try {
      if (resource === null || resource === undefined || resource.typeUrl === "") {
        renewals.push({ name, ttlMs });
        continue;
      }
      const read = yield* decodeResource(kind, resource, memory);
      if (name !== "" && read.name !== name) {
        throw new Error(`it is named ${read.name.slice(0, 200)} inside`);
      }
      updates.push({ name: read.name, value: read.value, version, ttlMs });
    } catch (error) {
      failures.push(toResourceError(error, name === "" ? undefined : name));
    }
  }
  return { updates, renewals, failures };
}

/**
 * The versions that are known, but for one that is said to be of none: that one has to come, or to be said to be gone, and
 * so shows that the server has nothing else to say.
 */
function initialVersions({ versions }: TypeState): Readonly<Record<string, string>> {
  const [probe] = versions.keys();
  return Object.fromEntries(Array.from(versions, ([name, version]) => [name, name === probe ? "" : version]));
}
