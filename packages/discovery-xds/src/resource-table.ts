import type { Clock } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";

import type { Update } from "./ads-protocol.ts";
import { resourceKinds } from "./resource-kind.ts";
import type { AnyKind, ResourceKind } from "./resource-kind.ts";
import { WatchedResource } from "./watched-resource.ts";
import type { ResourceWatcher } from "./watched-resource.ts";

/** What the table tells the conversation. */
export interface ResourceTableEvents {
  /** Somebody wants a resource that nobody wanted before. */
  readonly added: (kind: AnyKind, name: string) => void;
  /**
   * A resource has lost its last watcher, and goes with the next {@link ResourceTable.sweep}. That has to come right before the
   * control plane is told: if somebody wanted it again in between, it would see no change, and not send it again.
   */
  readonly abandoned: () => void;
  /** It has gone. */
  readonly removed: (kind: AnyKind, name: string) => void;
  /** Its lifetime is over: what is known of it counts no longer. */
  readonly dropped: (kind: AnyKind, name: string) => void;
}

/** Every resource that somebody watches, by type and name. It outlives streams. */
export class ResourceTable {
  readonly #clock: Clock;
  readonly #events: ResourceTableEvents;
  readonly #resources = new Map<AnyKind, Map<string, WatchedResource>>(
    resourceKinds.map((kind) => [kind, new Map()]),
  );

  constructor(clock: Clock, events: ResourceTableEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Watches a resource, and tells at once what is known of it. @returns what ends that */
  watch<T>(kind: ResourceKind<T>, name: string, watcher: ResourceWatcher<T>): () => void {
    // A kind decodes to what its watchers take: the table itself does not look inside.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- there are no kinds but those
    const own = kind as AnyKind;
    const resources = this.#of(own);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    let resource = resources.get(name) as WatchedResource<T> | undefined;
    if (resource === undefined) {
      resource = new WatchedResource<T>(name, this.#clock);
      resources.set(name, resource);
      resource.watchers.add(watcher);
      this.#events.added(own, name);
    } else {
      resource.watchers.add(watcher);
      resource.tell(watcher);
    }
    const watched = resource;
    return () => {
      if (watched.watchers.delete(watcher) && watched.watchers.size === 0) this.#events.abandoned();
    };
  }

  /** Lets go of what nobody watches any more. */
  sweep(): void {
    for (const kind of resourceKinds) {
      const resources = this.#of(kind);
      for (const [name, resource] of resources) {
        if (resource.watchers.size > 0) continue;
        resource.close();
        resources.delete(name);
        this.#events.removed(kind, name);
      }
    }
  }

  update(kind: AnyKind, updates: readonly Update[]): void {
    for (const { name, ttlMs, value, version } of updates) {
      const resource = this.#of(kind).get(name);
      if (resource === undefined) continue;
      resource.isHeard = true;
      this.#expire(kind, resource, ttlMs);
      resource.take(value, version);
    }
  }

  renew(kind: AnyKind, name: string, ttlMs: number | undefined): void {
    const resource = this.#of(kind).get(name);
    if (resource === undefined) return;
    resource.isHeard = true;
    this.#expire(kind, resource, ttlMs);
    resource.confirm();
  }

  /** There is one, but it is no good: what was known stays. Without a name it may be any. */
  refused(kind: AnyKind, name: string | undefined, error: SourceError): void {
    const resources = this.#of(kind);
    for (const resource of name === undefined ? [...resources.values()] : [resources.get(name)]) {
      if (resource === undefined) continue;
      // That it has no name does not say that the one which is waited for exists.
      if (name !== undefined) resource.stopWaiting();
      resource.isHeard = true;
      resource.trouble(error);
    }
  }

  lose(kind: AnyKind, name: string): void {
    const resource = this.#of(kind).get(name);
    if (resource === undefined) return;
    resource.isHeard = true;
    resource.expireIn(undefined, () => undefined);
    resource.lose();
  }

  /** Of what was not heard of on this stream it is known now that it has not changed. */
  confirmUnheard(kind: AnyKind): void {
    for (const resource of this.#of(kind).values()) if (!resource.isHeard) resource.confirm();
  }

  trouble(error: SourceError): void {
    for (const resource of this.#all()) resource.trouble(error);
  }

  /** A new stream: nothing was heard on it yet. */
  streamIsUp(): void {
    for (const resource of this.#all()) resource.isHeard = false;
  }

  /** From now on what is not known has so long to appear, and what was absent to appear again. */
  startWaiting(ms: number, isTransient: boolean): void {
    for (const kind of resourceKinds) {
      for (const resource of this.#of(kind).values()) {
        resource.waitFor(ms, () => {
          resource.isHeard = true;
          if (isTransient) {
            const message = `${kind.noun} ${resource.name} did not come within ${ms} ms`;
            resource.trouble(new SourceError("transient", message));
          } else {
            resource.lose();
          }
        });
      }
    }
  }

  /** Without a stream nothing can appear, and time does not count. */
  stopWaiting(): void {
    for (const resource of this.#all()) resource.stopWaiting();
  }

  close(): void {
    for (const resource of this.#all()) resource.close();
  }

  #expire(kind: AnyKind, resource: WatchedResource, ttlMs: number | undefined): void {
    resource.expireIn(ttlMs, () => {
      this.#events.dropped(kind, resource.name);
      resource.lose();
    });
  }

  *#all(): Generator<WatchedResource> {
    for (const kind of resourceKinds) yield* this.#of(kind).values();
  }

  #of(kind: AnyKind): Map<string, WatchedResource> {
    const found = this.#resources.get(kind);
    if (found === undefined) throw new TypeError(`${kind.typeUrl} is no type that is known here`);
    return found;
  }
}
