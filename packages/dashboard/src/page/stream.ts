import type { NewsItem, TickMessage, WholeMessage } from "../state.ts";
import type { Store } from "./store.ts";

/** A stream that has said nothing for so long is taken as broken, in milliseconds. */
const silentMs = 5_000;
const retryMs = 2_000;

/** What the page hears of its connection. */
export interface StreamListener {
  onChange(news: readonly NewsItem[]): void;
  onStatus(status: "live" | "lost" | "refused"): void;
}

/** Keeps the store up to date over server-sent events, and comes back after every break. */
export class Stream {
  readonly #store: Store;
  readonly #listener: StreamListener;
  #source: EventSource | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, listener: StreamListener) {
    this.#store = store;
    this.#listener = listener;
  }

  open(): void {
    this.close();
    const source = new EventSource("events");
    this.#source = source;
    source.addEventListener("whole", ({ data }: MessageEvent<string>) => {
      const message: WholeMessage = JSON.parse(data);
      this.#store.takeWhole(message);
      this.#heard([]);
    });
    source.addEventListener("tick", ({ data }: MessageEvent<string>) => {
      const message: TickMessage = JSON.parse(data);
      this.#heard(this.#store.takeTick(message));
    });
    source.addEventListener("error", () => {
      this.#listener.onStatus("lost");
      // The browser tries again by itself, except after an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) this.#later(retryMs);
    });
  }

  close(): void {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = undefined;
  }

  #heard(news: readonly NewsItem[]): void {
    this.#later(silentMs);
    this.#listener.onStatus("live");
    this.#listener.onChange(news);
  }

  /** Begins anew unless something is heard before; a token may have run out meanwhile. */
  #later(ms: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#listener.onStatus("lost");
      void this.#again();
    }, ms);
  }

  async #again(): Promise<void> {
    const session = await readSession();
    if (session === undefined) this.#later(retryMs);
    else if (session.isSignedIn) this.open();
    else {
      this.close();
      this.#listener.onStatus("refused");
    }
  }
}

/** Whether a token is needed, and was shown. */
export interface Session {
  readonly needsToken: boolean;
  readonly isSignedIn: boolean;
}

/** Asks the server; undefined where it does not answer. */
export async function readSession(): Promise<Session | undefined> {
  try {
    const response = await fetch("session");
    if (!response.ok) return undefined;
    const session: Session = await response.json();
    return session;
  } catch {
    return undefined;
  }
}
