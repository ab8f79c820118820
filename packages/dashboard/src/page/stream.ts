import type { NewsItem, TickMessage, WholeMessage } from "../state.ts";
import type { Store } from "./store.ts";

/** A stream that has said nothing for so long is taken as broken, in milliseconds. */
const silentMs = 5_000;
const retryMs = 2_000;

/** What the page hears of its connection. */
export interface StreamListener {
  onChange(news: readonly NewsItem[]): void;
  onStatus(status: "live" | "paused" | "lost" | "refused"): void;
}

/** Keeps the store up to date over server-sent events, and comes back after every break. */
export class Stream {
  readonly #store: Store;
  readonly #listener: StreamListener;
  #source: EventSource | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #isPaused = false;

  constructor(store: Store, listener: StreamListener) {
    this.#store = store;
    this.#listener = listener;
  }

  /** Whether the store stands still, for who reads. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The connection stays, so that the server goes on recording; what was missed comes as a whole afterwards. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (isPaused) this.#listener.onStatus("paused");
    else this.open();
  }

  open(): void {
    this.close();
    const source = new EventSource("events");
    this.#source = source;
    source.addEventListener("whole", ({ data }: MessageEvent<string>) => {
      this.#hear(() => {
        const message: WholeMessage = JSON.parse(data);
        this.#store.takeWhole(message);
        return [];
      });
    });
    source.addEventListener("tick", ({ data }: MessageEvent<string>) => {
      this.#hear(() => {
        const message: TickMessage = JSON.parse(data);
        return this.#store.takeTick(message);
      });
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

  #hear(take: () => readonly NewsItem[]): void {
    this.#later(silentMs);
    if (this.#isPaused) this.#listener.onStatus("paused");
    else {
      const news = take();
      this.#listener.onStatus("live");
      this.#listener.onChange(news);
    }
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
