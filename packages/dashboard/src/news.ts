import type { Clock, Mesh, MeshEvent, MeshEventType } from "@proxyless/core";

import { describeEvent, frequentTypes, rareTypes } from "./news-text.ts";
import type { NewsItem } from "./state.ts";

/** What is kept for those who come later. */
const maxKept = 200;
/** Lines of one second; what is more is left out. */
const maxLines = 50;

type Line = { -readonly [K in keyof NewsItem]: NewsItem[K] };

/**
 * The mesh's events as lines to read. What happens seldom is always listened to, so that who opens the page sees what led to it;
 * what may happen with every call is, only while somebody watches. What is alike within a second is one line.
 */
export class News {
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #ends: (() => void)[];
  #frequentEnds: (() => void)[] = [];
  #kept: NewsItem[] = [];
  readonly #lines = new Map<string, Line>();
  #second = 0;
  #lastId = 0;

  constructor(mesh: Mesh, clock: Clock) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.#ends = this.#listen(rareTypes);
  }

  /** Listens to what happens with calls, too. */
  start(): void {
    this.#frequentEnds = this.#listen(frequentTypes);
  }

  stop(): void {
    for (const end of this.#frequentEnds.splice(0)) end();
  }

  close(): void {
    this.stop();
    for (const end of this.#ends.splice(0)) end();
  }

  /** What came after the one with that id, the oldest first. */
  since(id: number): readonly NewsItem[] {
    this.#keep();
    return this.#kept.filter((item) => item.id > id);
  }

  #listen(types: readonly MeshEventType[]): (() => void)[] {
    return types.map((type) =>
      this.#mesh.on(type, (event) => {
        this.#hear(event);
      }),
    );
  }

  #hear(event: MeshEvent): void {
    const at = this.#clock.wallNow();
    const second = Math.floor(at / 1000);
    if (second !== this.#second) this.#keep();
    this.#second = second;
    const { service = "", type } = event;
    const { kind, text, tone } = describeEvent(event);
    const key = `${type} ${service} ${kind ?? text}`;
    const line = this.#lines.get(key);
    if (line !== undefined) line.count++;
    else if (this.#lines.size < maxLines) {
      this.#lines.set(key, { id: ++this.#lastId, at, type, service, text, tone, count: 1 });
    }
  }

  #keep(): void {
    if (this.#lines.size === 0) return;
    this.#kept = [...this.#kept, ...this.#lines.values()].slice(-maxKept);
    this.#lines.clear();
  }
}
