import type { MeshEventOf, MeshView } from "@proxyless/core";

import { choiceOf } from "./choice.ts";
import { rounded } from "./rounded.ts";
import type { CallItem } from "./state.ts";

const maxKept = 100;
/** Of one look and one service: calls that went as calls should, and others. */
const maxUsual = 1;
const maxUnusual = 5;

interface Room {
  usual: number;
  unusual: number;
}

/** A few calls to look at: what went wrong or another way first, and one of the others each second. */
export class Calls {
  readonly #rooms = new Map<string, Room>();
  readonly #waiting: Omit<CallItem, "choice">[] = [];
  #kept: CallItem[] = [];
  #lastId = 0;

  /** @param wallNow asked only for a call that is kept */
  offer(event: MeshEventOf<"call.completed">, wallNow: () => number): void {
    const { attempts, outcome, pick, service } = event;
    let room = this.#rooms.get(service);
    if (room === undefined) {
      room = { usual: 0, unusual: 0 };
      this.#rooms.set(service, room);
    }
    const isUsual = outcome === "success" && attempts === 1 && pick === "LB";
    if (isUsual ? room.usual >= maxUsual : room.unusual >= maxUnusual) return;
    if (isUsual) room.usual++;
    else room.unusual++;
    this.#waiting.push(itemOf(event, ++this.#lastId, wallNow()));
  }

  /** Explains what was offered since the last look by how things stand now, and lets the next few in. */
  turn({ services }: MeshView): void {
    this.#rooms.clear();
    for (const item of this.#waiting.splice(0)) {
      const service = services.find((each) => each.service === item.service);
      if (service !== undefined) this.#kept.push({ ...item, choice: choiceOf(service, item.endpoint) });
    }
    this.#kept = this.#kept.slice(-maxKept);
  }

  /** What came after the one with that id, the oldest first. */
  since(id: number): readonly CallItem[] {
    return this.#kept.filter((item) => item.id > id);
  }
}

/** A path may hold what is nobody's business; a route and a template are the same for everybody. */
function itemOf(event: MeshEventOf<"call.completed">, id: number, at: number): Omit<CallItem, "choice"> {
  const { attempts, durationMs, endpoint, error, flag, method, outcome, pick, service, status } = event;
  return {
    id,
    at,
    service,
    route: event.template ?? event.route,
    method,
    outcome,
    status,
    error,
    flag,
    attempts,
    durationMs: rounded(durationMs, 100),
    pick,
    endpoint,
  };
}
