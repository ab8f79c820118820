import type { Sliceable } from "@proxyless/core/discovery";

import type { DiscoveryRequest, DiscoveryResponse } from "./ads-messages.ts";
import { decodeResource, errorDetail, kindOf, toResourceError } from "./ads-protocol.ts";
import type { AdsProtocol, Received, Update } from "./ads-protocol.ts";
import { millisecondsOf } from "./basic-messages.ts";
import type { Any } from "./basic-messages.ts";
import { codecOf } from "./codec.ts";
import { DecodeMemory, resourceKinds } from "./resource-kind.ts";
import type { AnyKind, ResourceError } from "./resource-kind.ts";

const wrapperUrl = "type.googleapis.com/envoy.service.discovery.v3.Resource";

interface TypeState {
  readonly names: Set<string>;
  /** Names of which a good version is known. */
  readonly held: Set<string>;
  /** Of this stream's last response that was good as a whole; empty before the first. */
  version: string;
  /** Of this stream's last response; empty before the first. */
  nonce: string;
  /** On this stream something was asked of this type. */
  isAsked: boolean;
  /** The last request named others than are wanted now. */
  isDirty: boolean;
}

/**
 * State of the world: each request names everything that is wanted of a type. A response is acknowledged with its version
 * and nonce; one with anything wrong in it is refused with its nonce, the version before and what is wrong, and what is
 * good in it is taken all the same (gRPC A46).
 */
export class SotwProtocol implements AdsProtocol<DiscoveryResponse> {
  readonly #memory = new DecodeMemory();
  readonly #types = new Map<AnyKind, TypeState>(
    resourceKinds.map((kind) => [
      kind,
      { names: new Set(), held: new Set(), version: "", nonce: "", isAsked: false, isDirty: false },
    ]),
  );

  begin(): readonly DiscoveryRequest[] {
    const requests: DiscoveryRequest[] = [];
    for (const [kind, state] of this.#types) {
      // A server may keep silent on a version that is current, also where a name was never asked for before.
      state.version = "";
      state.nonce = "";
      state.isAsked = false;
      state.isDirty = false;
      // A first request without names would ask for every resource there is.
      if (state.names.size > 0) requests.push(this.#request(kind, state));
    }
    return requests;
  }

  subscribe(kind: AnyKind, name: string): void {
    const state = this.#state(kind);
    state.names.add(name);
    this.#memory.want(kind, name);
    state.isDirty = true;
  }

  unsubscribe(kind: AnyKind, name: string): void {
    const state = this.#state(kind);
    state.names.delete(name);
    this.#memory.forget(kind, name);
    state.held.delete(name);
    state.isDirty = true;
  }

  flush(): readonly DiscoveryRequest[] {
    const requests: DiscoveryRequest[] = [];
    for (const [kind, state] of this.#types) {
      if (state.isDirty && (state.isAsked || state.names.size > 0)) requests.push(this.#request(kind, state));
      state.isDirty = false;
    }
    return requests;
  }

  *receive(response: DiscoveryResponse): Sliceable<Received | undefined> {
    const kind = kindOf(response.typeUrl);
    if (kind === undefined) return undefined;
    const state = this.#state(kind);
    // An answer to nothing: on this stream the type was not asked for, so there is nothing to acknowledge.
    if (!state.isAsked) return undefined;
    const read = yield* readResources(kind, response, this.#memory);
    const { failures } = read;
    state.nonce = response.nonce;
    if (failures.length === 0) state.version = response.versionInfo;
    const updates = read.updates.filter(({ name }) => state.names.has(name));
    const removed = kind.isListedWhole ? missing(state, read) : [];
    for (const { name } of updates) state.held.add(name);
    for (const name of removed) state.held.delete(name);
    const renewals = read.renewals.filter(({ name }) => state.held.has(name));
    const reply = this.#request(kind, state, failures);
    const { versionInfo: version } = response;
    return { kind, version, updates, renewals, failures, removed, reply, confirmsRest: false };
  }

  drop(kind: AnyKind, name: string): void {
    this.#state(kind).held.delete(name);
  }

  #state(kind: AnyKind): TypeState {
    const state = this.#types.get(kind);
    if (state === undefined) throw new TypeError(`${kind.typeUrl} is no type that is known here`);
    return state;
  }

  #request(kind: AnyKind, state: TypeState, failures: readonly ResourceError[] = []): DiscoveryRequest {
    state.isAsked = true;
    state.isDirty = false;
    return {
      typeUrl: kind.typeUrl,
      resourceNames: [...state.names],
      ...(state.version === "" ? {} : { versionInfo: state.version }),
      ...(state.nonce === "" ? {} : { responseNonce: state.nonce }),
      ...(failures.length === 0 ? {} : { errorDetail: errorDetail(failures) }),
    };
  }
}

interface ReadResources {
  readonly updates: readonly Update[];
  readonly renewals: readonly { readonly name: string; readonly ttlMs: number | undefined }[];
  readonly failures: readonly ResourceError[];
  readonly seen: ReadonlySet<string>;
}

function* readResources(
  kind: AnyKind,
  { resources, versionInfo: version }: DiscoveryResponse,
  memory: DecodeMemory,
): Sliceable<ReadResources> {
  const updates: Update[] = [];
  const renewals: { name: string; ttlMs: number | undefined }[] = [];
  const failures: ResourceError[] = [];
  const seen = new Set<string>();
  for (const resource of resources) {
    yield;
    let wrapped: string | undefined;
    try {
      const { any, name, ttlMs } = unwrap(resource);
      wrapped = name === "" ? undefined : name;
      if (any === undefined) {
        if (wrapped === undefined) throw new Error("a resource has neither a name nor content");
        seen.add(wrapped);
        renewals.push({ name: wrapped, ttlMs });
        continue;
      }
      const read = yield* decodeResource(kind, any, memory);
      if (seen.has(read.name)) throw toResourceError(new Error("it is there twice"), read.name);
      seen.add(read.name);
      updates.push({ name: read.name, value: read.value, version, ttlMs });
    } catch (error) {
      const failure = toResourceError(error, wrapped);
      if (failure.resource !== undefined) seen.add(failure.resource);
      failures.push(failure);
    }
  }
  return { updates, renewals, failures, seen };
}

/** Resources that have a lifetime come in a wrapper that says so. */
function unwrap(resource: Any): {
  readonly any: Any | undefined;
  readonly name: string;
  readonly ttlMs: number | undefined;
} {
  if (resource.typeUrl !== wrapperUrl) return { any: resource, name: "", ttlMs: undefined };
  const { name, resource: inner, ttl } = codecOf("Resource").decode(resource.value);
  const any = inner === null || inner === undefined || inner.typeUrl === "" ? undefined : inner;
  return { any, name, ttlMs: millisecondsOf(ttl) };
}

/**
 * What is no longer listed. A name that was never heard of may have been asked for after the response was made, and a
 * resource whose name could not be read may be any.
 */
function missing(state: TypeState, { failures, seen }: ReadResources): readonly string[] {
  if (failures.some(({ resource }) => resource === undefined)) return [];
  return [...state.held].filter((name) => !seen.has(name));
}
