import type { Clock } from "@proxyless/core";
import { inTurns, isRecord, parsePieces, SourceError } from "@proxyless/core/discovery";
import type { RegistryResponse, Sliceable } from "@proxyless/core/discovery";

import type { ApiClient } from "./api-client.ts";
import { apiError } from "./api-error.ts";
import { slicesPath } from "./api-path.ts";
import type { ApiVersion, Scope } from "./api-path.ts";
import type { Settings } from "./options.ts";
import { readSlice } from "./slice.ts";
import type { Slice } from "./slice.ts";

/** A whole list of slices. */
export interface SliceList {
  /** Undefined for an object that is none. */
  readonly slices: readonly (Slice | undefined)[];
  /** Where a watch goes on from. */
  readonly revision: string;
}

/** Time and end of what is asked. */
export interface AskContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How a watch is read. */
export interface WatchReader {
  opened(): void;
  line(text: string): void;
}

/** What a watch begins with: what is new since a revision, or everything there is. */
export type WatchStart =
  | { readonly from: "revision"; readonly revision: string }
  | { readonly from: "everything"; readonly atLeast: string | undefined };

const maxPages = 1000;
/** A server that has not ended a watch so long after its time will not end it. */
const overdueMs = 30_000;

/** Lists and watches slices. Finds out which version of the API the server has, and whether it streams lists. */
export class SliceApi {
  /** Knows which address is asked. */
  readonly client: ApiClient;
  readonly #settings: Settings;
  #version: ApiVersion = "v1";
  #streamsLists: boolean;

  constructor(client: ApiClient, settings: Settings) {
    this.client = client;
    this.#settings = settings;
    this.#streamsLists = settings.watchList === "auto";
  }

  /** Whether the server may be asked to begin a watch with everything there is. */
  get streamsLists(): boolean {
    return this.#streamsLists && this.#version === "v1";
  }

  /** It did not do it: it is asked for lists from now on. */
  noStreamedLists(): void {
    this.#streamsLists = false;
  }

  /**
   * Reads a list, page by page.
   * @param atLeast any state from this revision on will do, so that the server may answer from memory; `undefined`
   * asks for the latest, which it confirms with its storage
   * @throws SourceError
   */
  async list(scope: Scope, atLeast: string | undefined, context: AskContext): Promise<SliceList> {
    const other = this.#version === "v1" ? "v1beta1" : "v1";
    for (const version of [this.#version, other] as const) {
      // eslint-disable-next-line no-await-in-loop -- the second is asked only where the first is unknown
      const list = await this.#listOf(version, scope, atLeast, context);
      if (list === undefined) continue;
      this.#version = version;
      return list;
    }
    throw new SourceError(
      "config",
      "the API server has no EndpointSlices: neither discovery.k8s.io/v1 nor v1beta1",
    );
  }

  /**
   * Follows changes until the server ends the watch. Resolves with `false` when the server cannot begin as asked.
   * @throws SourceError
   */
  async watch(
    scope: Scope,
    start: WatchStart,
    seconds: number,
    reader: WatchReader,
    context: AskContext,
  ): Promise<boolean> {
    const everything = start.from === "everything";
    const revision = everything ? start.atLeast : start.revision;
    const response = await this.client.stream(
      {
        path: slicesPath(this.#version, scope, {
          watch: true,
          allowWatchBookmarks: true,
          timeoutSeconds: seconds,
          resourceVersion: revision,
          ...(everything ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" } : {}),
        }),
        deadlineMs: this.#settings.requestTimeoutMs,
        lane: "watch",
      },
      { ...reader, silenceMs: seconds * 1000 + overdueMs },
      context.clock,
      context.signal,
    );
    if (isSuccess(response)) return true;
    // A server that does not know the question refuses it; one without this version of the API is found out by a list.
    if (everything && [400, 404, 405, 422].includes(response.status)) return false;
    throw apiError({ verb: "watch", namespace: scope.namespace }, response, context.clock.wallNow());
  }

  /** @returns `undefined` when the server does not have this version */
  async #listOf(
    version: ApiVersion,
    scope: Scope,
    atLeast: string | undefined,
    context: AskContext,
  ): Promise<SliceList | undefined> {
    const { pageSize } = this.#settings;
    const slices: (Slice | undefined)[] = [];
    let next: string | undefined;
    let limit: number | undefined = pageSize;
    for (let pages = 0; pages < maxPages; pages++) {
      // eslint-disable-next-line no-await-in-loop -- each page says where the next begins
      const response = await this.#page(version, scope, { atLeast, limit, next }, context);
      if (response.status === 404 && pages === 0) return undefined;
      if (response.status === 410 && next !== undefined) {
        // The pages before are of a state that is forgotten: everything at once, then.
        slices.length = 0;
        next = undefined;
        limit = undefined;
        continue;
      }
      if (!isSuccess(response)) {
        throw apiError({ verb: "list", namespace: scope.namespace }, response, context.clock.wallNow());
      }
      // eslint-disable-next-line no-await-in-loop -- as above
      const page = await inTurns(readPage(response.pieces), context);
      for (const slice of page.slices) slices.push(slice);
      if (page.next === "") return { slices, revision: page.revision };
      next = page.next;
    }
    throw new SourceError("data", `the list of endpointslices does not end within ${maxPages} pages`);
  }

  #page(
    version: ApiVersion,
    scope: Scope,
    page: { atLeast: string | undefined; limit: number | undefined; next: string | undefined },
    { clock, signal }: AskContext,
  ): Promise<RegistryResponse> {
    const { atLeast, limit, next } = page;
    // A continued list has its revision in the token, and must not be given another.
    const revision = next === undefined && atLeast !== undefined;
    const path = slicesPath(version, scope, {
      limit,
      continue: next,
      ...(revision ? { resourceVersion: atLeast, resourceVersionMatch: "NotOlderThan" } : {}),
    });
    return this.client.send(
      { path, deadlineMs: this.#settings.requestTimeoutMs, lane: "quick" },
      clock,
      signal,
    );
  }
}

function isSuccess({ status }: RegistryResponse): boolean {
  return status >= 200 && status < 300;
}

interface Page extends SliceList {
  readonly next: string;
}

function* readPage(body: readonly string[]): Sliceable<Page> {
  let list: unknown;
  try {
    list = yield* parsePieces(body);
  } catch (error) {
    throw new SourceError("data", "the list of endpointslices is no JSON", { cause: error });
  }
  const metadata = isRecord(list) && isRecord(list["metadata"]) ? list["metadata"] : {};
  const { resourceVersion: revision, continue: next } = metadata;
  // Go writes an empty list as null.
  const items: unknown = isRecord(list) ? (list["items"] ?? []) : undefined;
  if (!Array.isArray(items) || typeof revision !== "string" || revision === "") {
    throw new SourceError("data", "the list of endpointslices has no items or no resourceVersion");
  }
  const slices: (Slice | undefined)[] = [];
  for (const item of items) {
    slices.push(readSlice(item));
    yield;
  }
  return { slices, revision, next: typeof next === "string" ? next : "" };
}
