import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";

import { EventEmitter } from "eventemitter3";

import type { MeshEvent, MeshEventOf, MeshEventType } from "./events.ts";

/**
 * Where events go: listeners of the mesh and `node:diagnostics_channel`, channel `proxyless:<type>`. Ask `wants`
 * before building an event, so that nothing is allocated when nobody listens.
 */
export class EventHub {
  readonly #emitter = new EventEmitter<MeshEventType>();
  readonly #topics = new Map<MeshEventType, Topic>();

  wants(type: MeshEventType): boolean {
    const { channel: target, listeners } = this.#topic(type);
    return listeners.length > 0 || target.hasSubscribers;
  }

  /** Delivers to everyone; a listener that throws does not stop the others or the call (its error is rethrown later). */
  emit(event: MeshEvent): void {
    const { channel: target, listeners } = this.#topic(event.type);
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    if (target.hasSubscribers) target.publish(event);
  }

  on<T extends MeshEventType>(type: T, listener: (event: MeshEventOf<T>) => void): () => void {
    const topic = this.#topic(type);
    this.#emitter.on(type, listener);
    topic.listeners = this.#emitter.listeners(type);
    return () => {
      this.#emitter.off(type, listener);
      topic.listeners = this.#emitter.listeners(type);
    };
  }

  #topic(type: MeshEventType): Topic {
    let found = this.#topics.get(type);
    if (found === undefined) {
      found = { channel: channel(`proxyless:${type}`), listeners: [] };
      this.#topics.set(type, found);
    }
    return found;
  }
}

/** Who hears of the events of one type. Two of them are told with every call, so their listeners are not asked for each time. */
interface Topic {
  readonly channel: Channel;
  /** A list of its own: who begins or ends listening while an event is delivered changes nothing for that event. */
  listeners: readonly ((event: MeshEvent) => void)[];
}
