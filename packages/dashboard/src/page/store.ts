import type { CallItem, NewsItem, PageState, Point, TickMessage, WholeMessage } from "../state.ts";
import { applyPatch } from "./patch.ts";
import { Trails } from "./trails.ts";

const maxPoints = 180;
const maxItems = 200;

/** Everything the page knows. */
export class Store {
  title = "mesh";
  mayOperate = false;
  state: PageState = { services: {}, registrations: [] };
  news: readonly NewsItem[] = [];
  calls: readonly CallItem[] = [];
  readonly #points = new Map<string, Point[]>();
  readonly #trails = new Trails();

  takeWhole(message: WholeMessage): void {
    this.title = message.title;
    this.mayOperate = message.mayOperate;
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what the server sends is of that type
    this.state = applyPatch(undefined, message.state) as PageState;
    this.#points.clear();
    for (const [service, points] of Object.entries(message.history)) this.#points.set(service, [...points]);
    // Their ids are those of the process that tells them, which may be another one now.
    this.news = [];
    this.calls = [];
    this.#takeItems(message.news, message.calls);
    this.#trails.add(this.state.services, Object.values(message.history)[0]?.at(-1)?.at, true);
  }

  /** @returns what is news */
  takeTick(message: TickMessage): readonly NewsItem[] {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    this.state = applyPatch(this.state, message.patch) as PageState;
    for (const known of this.#points.keys()) if (!(known in this.state.services)) this.#points.delete(known);
    for (const [service, point] of Object.entries(message.points)) {
      const points = this.#points.get(service) ?? [];
      points.push(point);
      if (points.length > maxPoints) points.shift();
      this.#points.set(service, points);
    }
    this.#trails.add(this.state.services, Object.values(message.points)[0]?.at, false);
    return this.#takeItems(message.news, message.calls);
  }

  /** Of the last minutes, the oldest first. */
  points(service: string): readonly Point[] {
    return this.#points.get(service) ?? [];
  }

  /** What an endpoint's average latency was, second by second; null where it was not known, or nobody looked. */
  latencies(service: string, id: string): readonly (number | null)[] {
    return this.#trails.of(service, id);
  }

  #takeItems(news: readonly NewsItem[], calls: readonly CallItem[]): readonly NewsItem[] {
    const lastNews = this.news.at(-1)?.id ?? 0;
    const fresh = news.filter(({ id }) => id > lastNews);
    this.news = [...this.news, ...fresh].slice(-maxItems);
    const lastCall = this.calls.at(-1)?.id ?? 0;
    this.calls = [...this.calls, ...calls.filter(({ id }) => id > lastCall)].slice(-maxItems);
    return fresh;
  }
}
