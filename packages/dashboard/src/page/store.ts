import type { CallItem, NewsItem, PageState, Point, TickMessage, WholeMessage } from "../state.ts";
import { applyPatch } from "./patch.ts";

const maxPoints = 180;
const maxLatencies = 60;
const maxItems = 200;

/** Everything the page knows. */
export class Store {
  title = "mesh";
  mayOperate = false;
  state: PageState = { services: {}, registrations: [] };
  news: readonly NewsItem[] = [];
  calls: readonly CallItem[] = [];
  readonly #points = new Map<string, Point[]>();
  readonly #latencies = new Map<string, Map<string, (number | null)[]>>();

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
    this.#takeLatencies();
  }

  /** @returns what is news */
  takeTick(message: TickMessage): readonly NewsItem[] {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    this.state = applyPatch(this.state, message.patch) as PageState;
    for (const [service, point] of Object.entries(message.points)) {
      const points = this.#points.get(service) ?? [];
      points.push(point);
      if (points.length > maxPoints) points.shift();
      this.#points.set(service, points);
    }
    this.#takeLatencies();
    return this.#takeItems(message.news, message.calls);
  }

  /** Of the last minutes, the oldest first. */
  points(service: string): readonly Point[] {
    return this.#points.get(service) ?? [];
  }

  /** What an endpoint's average latency was, second by second. */
  latencies(service: string, id: string): readonly (number | null)[] {
    return this.#latencies.get(service)?.get(id) ?? [];
  }

  #takeItems(news: readonly NewsItem[], calls: readonly CallItem[]): readonly NewsItem[] {
    const lastNews = this.news.at(-1)?.id ?? 0;
    const fresh = news.filter(({ id }) => id > lastNews);
    this.news = [...this.news, ...fresh].slice(-maxItems);
    const lastCall = this.calls.at(-1)?.id ?? 0;
    this.calls = [...this.calls, ...calls.filter(({ id }) => id > lastCall)].slice(-maxItems);
    return fresh;
  }

  #takeLatencies(): void {
    for (const known of this.#latencies.keys()) {
      if (!(known in this.state.services)) this.#latencies.delete(known);
    }
    for (const [name, { endpoints }] of Object.entries(this.state.services)) {
      const before = this.#latencies.get(name);
      const after = new Map<string, (number | null)[]>();
      for (const [
        id,
        {
          figures: [, , latencyMs],
        },
      ] of Object.entries(endpoints)) {
        const values = before?.get(id) ?? [];
        values.push(latencyMs);
        if (values.length > maxLatencies) values.shift();
        after.set(id, values);
      }
      this.#latencies.set(name, after);
    }
  }
}
