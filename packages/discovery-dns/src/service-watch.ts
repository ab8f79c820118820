import type { Sink, Snapshot, WatchContext, WatchHandle } from "@proxyless/core";
import { Backoff, toDiscoveryError, watchLoop } from "@proxyless/core/discovery";
import type { WatchRound } from "@proxyless/core/discovery";

import type { Settings } from "./options.ts";
import type { Resolver } from "./resolver.ts";
import { ServiceLookup } from "./service-lookup.ts";
import type { Finding } from "./service-lookup.ts";
import type { SystemFiles } from "./system-files.ts";
import { UnionWindow } from "./union-window.ts";

/** What the watches of one source share. */
export interface WatchShared {
  readonly settings: Settings;
  readonly resolver: Resolver;
  readonly files: SystemFiles;
}

/** A server that is back is noticed within so many milliseconds: a question costs it next to nothing. */
const maxBackoffMs = 5000;
/** A service without endpoints is looked for so often, in milliseconds, however long its absence may be cached. */
const emptyMs = 5000;
/** The least pause between two looks: a time to live that was over while others were asked for. */
const leastMs = 10;

/** Follows one service in DNS until its signal aborts. */
export function watchService(
  shared: WatchShared,
  service: string,
  sink: Sink,
  context: WatchContext,
): WatchHandle {
  const { settings, resolver, files } = shared;
  const { clock, random } = context;
  const lookup = new ServiceLookup(settings, resolver, service);
  const window = new UnionWindow(settings.unionWindow);
  const notice = (message: string): void => sink.notice?.({ topic: "dns", message });
  let told = "";
  let wasEmpty = false;
  let failedBefore = false;

  const tell = (finding: Finding): void => {
    const endpoints = window.add(finding.endpoints);
    wasEmpty = endpoints.length === 0;
    const snapshot: Snapshot = {
      kind: finding.exists || !wasEmpty ? "bound" : "absent",
      endpoints,
      trust: "authoritative",
      skipped: finding.skipped,
      explicitRemovals: finding.isExplicit,
    };
    // Servers change the order of what they say from answer to answer.
    const sorted = endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const now = JSON.stringify({ ...snapshot, endpoints: sorted });
    const { problem, unheard } = finding;
    // Each time: `alive` would say that all of it was answered for.
    if (problem !== undefined) {
      const trouble = toDiscoveryError(problem);
      sink.snapshot({ ...snapshot, trouble, ...(unheard.length === 0 ? undefined : { unheard }) });
    } else if (now === told) sink.alive();
    else sink.snapshot(snapshot);
    told = now;
  };

  const round = async (turn: WatchRound): Promise<number> => {
    const { signal, wasRefreshed } = turn;
    if (wasRefreshed) lookup.doubt();
    const fresh = wasRefreshed || wasEmpty;
    const system = await files.read(clock, wasRefreshed || failedBefore);
    const { timeoutMs, minRefreshMs } = settings;
    const before = lookup.answered;
    failedBefore = true;
    const finding = await lookup.find({ clock, random, signal, timeoutMs, system, fresh, notice });
    const { problem } = finding;
    const left = finding.until - clock.now();
    // Nothing new was heard although it was time: what is known stays, and is not confirmed.
    if (problem !== undefined && lookup.answered === before && left <= 0) throw problem;
    failedBefore = false;
    tell(finding);
    turn.good();
    const pause = wasEmpty ? Math.min(left, emptyMs) : left;
    return Math.max(pause, problem === undefined ? leastMs : minRefreshMs);
  };
  return watchLoop(sink, context, { round, backoff: new Backoff(100, maxBackoffMs) });
}
