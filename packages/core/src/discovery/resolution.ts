import type { DiscoveryError, Endpoint } from "./source.ts";

/** An endpoint as the directory serves it: validated, frozen, and unique by id and by address. */
export interface DirectoryEndpoint extends Endpoint {
  /**
   * The registry dropped it together with most of the others, so it is kept for a while as a last resort, with
   * {@link heldPriorityOffset} added to its priority.
   */
  readonly held: boolean;
}

/** What is added to the priority of an endpoint that is kept as a last resort. */
export const heldPriorityOffset = 1000;

/**
 * What the directory knows of a service. `version` grows with every change of the status or the endpoints; `stale`
 * says that nobody confirms the endpoints just now: the source is in trouble, or has not answered yet. `failed` is seen
 * before the first answer, and after `maxStaleMs` or `onDataError: "drop"` took the endpoints away.
 */
export type Resolution =
  | { readonly status: "pending" }
  | {
      readonly status: "bound";
      /** Sorted by id. */
      readonly endpoints: readonly DirectoryEndpoint[];
      readonly version: number;
      readonly stale: boolean;
      /**
       * Where the endpoints come from. `held`: the source says that there are none, and is not believed yet. `disk`: a
       * cache, some of them at least, because the source has not said with authority what there is since this process began.
       */
      readonly from: "live" | "held" | "disk";
      /** It is so long a list that it is told in steps, and this is not the last of them. */
      readonly isPartial?: true;
    }
  | { readonly status: "absent"; readonly version: number }
  | { readonly status: "failed"; readonly error: DiscoveryError };

/** What changed between two lists, told apart by id; an `updated` pair differs in any field. */
export interface Diff {
  readonly added: readonly DirectoryEndpoint[];
  readonly updated: readonly (readonly [previous: DirectoryEndpoint, next: DirectoryEndpoint])[];
  readonly removed: readonly DirectoryEndpoint[];
}

export type ChangeListener = (resolution: Resolution, diff: Diff) => void;

/** One user's hold on a service. Users of the same service share one watch of the source. */
export interface Subscription {
  /** The latest knowledge; reading it costs nothing. */
  readonly current: Resolution;
  /**
   * Resolves with the first `bound` or `absent` answer, at once when there is one. Rejects with a `ProxylessError`:
   * `ERR_PROXYLESS_DISCOVERY` when none came in time or the source reported an `auth` or `config` error before
   * any (it goes on trying), `ERR_PROXYLESS_CLOSED` after `close`. Rejects with the reason of `signal` when that aborts.
   */
  ready(options?: { readonly signal?: AbortSignal }): Promise<Resolution>;
  /**
   * Calls `listener` on every change of the status or the endpoints, in order. Unless the status is still `pending`
   * it is first called synchronously, before `onChange` returns, with what is known now and every endpoint as
   * `added`. A change of `stale` alone is not told. Of 2,000 endpoints and more, many that are new, gone or changed at once are
   * told in steps of some hundreds, a turn of the event loop for each; `ready` and a new status wait for the last one.
   * A listener that throws stops nobody; its error is rethrown later.
   * @returns ends the calls
   */
  onChange(listener: ChangeListener): () => void;
  /** A hint that the endpoints look wrong (refused connections); passed on at a bounded rate. */
  refresh(reason: string): void;
  /** Ends this hold. The shared watch ends some time after its last user left. */
  close(): void;
}
