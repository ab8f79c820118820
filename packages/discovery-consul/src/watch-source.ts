import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";
import { tokenOwner } from "@proxyless/core/discovery";

import { blockingDeadlineMs, BlockingWatch } from "./blocking-watch.ts";
import { ConsulHttp } from "./consul-http.ts";
import type { Question } from "./question.ts";
import type { ConsulMode, ReadSettings } from "./watch-options.ts";
import type { WatchSlots } from "./watch-slots.ts";

/** The pace of the queries collects what comes in a storm; a single change need not wait for more. */
const debounceMs = 2;
/** The longest pause after an answer, and the way of an answer through a busy process. */
const graceMs = 10_000;

/** What a source over Consul is made of. */
export interface WatchSourceParts {
  /** Shown in events and dumps. */
  readonly name: string;
  readonly settings: ReadSettings & { readonly mode: ConsulMode };
  readonly waitMs: number;
  readonly overflowPollMs: number;
  readonly maxConcurrentWatches: number;
  /** Shared with the sources that count to the same limit. */
  readonly slots: WatchSlots;
  /** All that changes an answer, beside the connection and the mode. */
  readonly scope: readonly unknown[];
  question(service: string): Question;
}

/** Makes a source of questions: one watch per service. */
export function watchSource(parts: WatchSourceParts): DiscoverySource {
  const { name, settings, slots, waitMs, overflowPollMs, maxConcurrentWatches } = parts;
  const { connection, mode } = settings;
  const http = new ConsulHttp(connection, maxConcurrentWatches, settings.maxBodyBytes);
  const { requestTimeoutMs } = connection;
  const shared = { http, slots, mode, waitMs, overflowPollMs, requestTimeoutMs };
  // Nothing of a token that was given: keys are shown, and of a digest it could be guessed.
  const scope = hash(
    "sha256",
    JSON.stringify([
      connection.urls.map((url) => url.href),
      tokenOwner(connection),
      connection.namespace,
      connection.partition,
      mode,
      parts.scope,
    ]),
  ).slice(0, 16);
  const polledMs = overflowPollMs * 1.5 + requestTimeoutMs;
  let watches = 0;
  return {
    name,
    emptyHoldMs: settings.emptyHoldMs,
    debounceMs,
    aliveEveryMs: Math.max(blockingDeadlineMs(waitMs), polledMs) + graceMs,
    key: ({ service }) => `${name}:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      const watch = new BlockingWatch(shared, parts.question(service), sink, context).start();
      watches++;
      const ended = async (): Promise<void> => {
        await watch.done;
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (--watches === 0) http.close();
      };
      return { ...watch, done: ended() };
    },
    close: async () => {
      http.close();
    },
  };
}
