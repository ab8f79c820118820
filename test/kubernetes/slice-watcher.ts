import type { ServerResponse } from "node:http";

import type { ListRequest } from "./api-request.ts";
import type { Change, SliceHistory, Stored } from "./slice-history.ts";

export interface SliceWatcherParts {
  readonly asked: ListRequest;
  readonly response: ServerResponse;
  readonly history: SliceHistory;
  readonly bookmarkMs: number;
  /** What is new after this is told. */
  readonly from: number;
  readonly render: (slice: Stored) => object;
  /** What is told first, where everything is wanted. */
  readonly initial: readonly Stored[] | undefined;
  readonly onEnd: () => void;
}

/** One open watch: events, bookmarks, and its end after the time that was asked for. */
export class SliceWatcher {
  readonly #parts: SliceWatcherParts;
  readonly #unwatch: () => void;
  readonly #bookmarks: NodeJS.Timeout;
  readonly #timeout: NodeJS.Timeout | undefined;
  #held: string[] | undefined;
  /** The newest revision that was told, or that it began with. */
  #told: number;

  constructor(parts: SliceWatcherParts) {
    this.#parts = parts;
    const { asked, response, history, from, initial } = parts;
    this.#told = from;
    response.on("close", () => {
      this.close();
    });
    this.#bookmarks = setInterval(() => {
      this.#bookmark();
    }, parts.bookmarkMs);
    const { timeoutSeconds } = asked;
    this.#timeout =
      timeoutSeconds === undefined ? undefined : setTimeout(() => this.end(), timeoutSeconds * 1000);
    for (const slice of initial ?? []) this.#event("ADDED", parts.render(slice));
    if (initial !== undefined) this.#bookmark({ "k8s.io/initial-events-end": "true" });
    for (const change of history.since(from)) this.#tell(change);
    this.#unwatch = history.watch((change) => {
      this.#tell(change);
    });
  }

  /** Sends a line as it is. */
  write(line: string): void {
    if (this.#held === undefined) this.#parts.response.write(line);
    else this.#held.push(line);
  }

  writeInPieces(bytes: Buffer): void {
    for (const byte of bytes) this.#parts.response.write(Buffer.from([byte]));
  }

  /** Breaks its connection. */
  break(): void {
    this.#parts.response.destroy();
  }

  /** Writes nothing until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.write(line);
  }

  /** The time is up: a last bookmark, and the end. */
  end(): void {
    this.#bookmark();
    this.close();
    this.#parts.response.end();
  }

  close(): void {
    clearInterval(this.#bookmarks);
    clearTimeout(this.#timeout);
    this.#unwatch();
    this.#parts.onEnd();
  }

  #tell({ before, after, revision }: Change): void {
    const { asked, render } = this.#parts;
    const isOurs = (slice: Stored | undefined): slice is Stored =>
      slice?.namespace === asked.namespace && asked.matches(slice.metadata.labels);
    if (isOurs(after)) this.#event(isOurs(before) ? "MODIFIED" : "ADDED", render(after));
    // What is gone is told as it was, with the revision of its end.
    else if (isOurs(before)) this.#event("DELETED", render({ ...before, revision }));
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { asked, history } = this.#parts;
    // Without progress there is nothing to tell: an idle server is silent.
    if (!asked.bookmarks || (annotations === undefined && history.revision <= this.#told)) return;
    this.#told = history.revision;
    const metadata = {
      resourceVersion: String(history.revision),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const apiVersion = `discovery.k8s.io/${asked.version}`;
    this.#event("BOOKMARK", {
      kind: "EndpointSlice",
      apiVersion,
      metadata,
      endpoints: null,
      ports: null,
      addressType: "",
    });
  }

  #event(type: string, object: object): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }
}
