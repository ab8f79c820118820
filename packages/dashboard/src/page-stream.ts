import type { ServerResponse } from "node:http";

import { EventStream, eventText } from "./event-stream.ts";
import type { Look, Observer } from "./observer.ts";
import type { TickMessage, WholeMessage } from "./state.ts";

/** What the page is told that is not the mesh's state. */
export interface PageInfo {
  readonly title: string;
  readonly mayOperate: boolean;
}

/** The state of a mesh to the pages that watch it: once as a whole, then what changes each second. */
export class PageStreams {
  readonly #observer: Observer;
  readonly #streams = new Map<EventStream, () => void>();
  #lastNews = 0;
  #lastCall = 0;
  /** Of the look that is being told. */
  #tick: { readonly look: Look; readonly text: string } | undefined;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#streams.size;
  }

  open(response: ServerResponse, info: PageInfo): void {
    const stream = new EventStream(response, this.#observer.clock);
    let isInStep = false;
    const unwatch = this.#observer.watch((look) => {
      if (look === undefined) return;
      if (!stream.isReady) isInStep = false;
      else if (isInStep) stream.send(this.#textOf(look));
      else {
        stream.send(this.#whole(info));
        isInStep = true;
      }
    });
    this.#streams.set(stream, unwatch);
    stream.onClose(() => {
      unwatch();
      this.#streams.delete(stream);
    });
    stream.send(this.#whole(info));
    isInStep = true;
  }

  close(): void {
    for (const [stream, unwatch] of this.#streams) {
      unwatch();
      stream.end();
    }
    this.#streams.clear();
  }

  #whole({ mayOperate, title }: PageInfo): string {
    const { calls, history, news, state } = this.#observer;
    const message: WholeMessage = {
      title,
      mayOperate,
      state,
      history: history.all,
      news: news.since(0),
      calls: calls.since(0),
    };
    return eventText("whole", message);
  }

  /** Written once for everybody. */
  #textOf(look: Look): string {
    if (this.#tick?.look !== look) {
      const { calls, news } = this.#observer;
      const message: TickMessage = {
        ...look,
        news: news.since(this.#lastNews),
        calls: calls.since(this.#lastCall),
      };
      this.#lastNews = message.news.at(-1)?.id ?? this.#lastNews;
      this.#lastCall = message.calls.at(-1)?.id ?? this.#lastCall;
      this.#tick = { look, text: eventText("tick", message) };
    }
    return this.#tick.text;
  }
}
