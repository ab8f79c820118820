import type { MeshEventType } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { samples } from "../../logs/test/support/samples.ts";
import { describeEvent, frequentTypes, rareTypes } from "../src/news-text.ts";
import type { NewsItem } from "../src/state.ts";

type News = Exclude<MeshEventType, "call.completed" | "attempt.completed">;

/** What is said of each of the samples. */
const said: Readonly<Record<News, readonly [tone: NewsItem["tone"], text: string]>> = {
  "call.retried": ["plain", "retried: status 503"],
  "call.hedged": ["plain", "hedged after 96 ms"],
  "call.shed": ["bad", "refused before it was sent: rate limit (/orders/{id})"],
  "budget.exhausted": ["bad", "retry budget exhausted: no retry, no hedge"],
  "fault.injected": ["plain", "fault injected: reset"],
  "call.coalesced": ["plain", "shared the answer of an identical call"],
  "call.fell_back": ["plain", "fell back to stale (/orders/{id})"],
  "call.fallback_failed": ["bad", "the fallback to function failed (/orders/{id})"],
  "call.cached": ["plain", "answered from the cache: hit"],
  "circuit.opened": ["bad", "circuit opened (/orders/{id}): 63 % of 40 calls failed; next try in 5 s"],
  "circuit.half_opened": ["plain", "circuit half-open (/orders/{id}): it lets probes pass"],
  "circuit.closed": ["good", "circuit closed (/orders/{id})"],
  "circuit.mode_changed": ["plain", "circuit switched to forced-open (/orders/{id})"],
  "policy.applied": ["plain", "policy v7 in force"],
  "policy.refused": ["bad", "policy refused: retry.maxAttempts: must be a whole number from 1 to 10, got 0"],
  "balancer.panicked": ["bad", "panic: 1 of 5 endpoints are open, closed ones are picked as well"],
  "endpoint.added": ["plain", "10.0.0.3:80 added"],
  "endpoint.updated": ["plain", "10.0.0.3:80 changed"],
  "endpoint.removed": ["plain", "10.0.0.3:80 removed with 1 in flight"],
  "endpoint.drained": ["plain", "10.0.0.3:80 drained"],
  "endpoint.ejected": ["bad", "10.0.0.3:80 ejected for 30 s: 5 consecutive 5xx"],
  "endpoint.ejection_skipped": [
    "plain",
    "10.0.0.3:80 not ejected for 5 consecutive 5xx: too many are out already",
  ],
  "endpoint.returned": ["good", "10.0.0.3:80 is back, by probes"],
  "endpoint.health_changed": ["bad", "10.0.0.3:80 is unhealthy: status 500"],
  "discovery.updated": ["plain", "consul: 2 added, 1 removed, 5 in all"],
  "discovery.error": [
    "bad",
    "consul fails (transient), 5 endpoints stay: connect ECONNREFUSED 127.0.0.1:8500",
  ],
  "discovery.recovered": ["good", "consul is back after 61 s"],
  "discovery.protected": ["bad", "consul: 5 endpoints kept although the registry says empty"],
  "discovery.notice": ["plain", "consul, cache: the cache cannot be read"],
  "discovery.skipped": ["bad", "consul: 3 entries skipped: no port"],
  "registration.registered": ["good", "registered as 10.0.0.3:80 with consul"],
  "registration.lost": ["bad", "registration with consul lost: the lease is gone"],
  "registration.status": ["plain", "status degraded with consul"],
  "registration.leaving": ["plain", "leaving consul: deregistered"],
  "registration.left": ["plain", "left consul: SIGTERM"],
};

describe("events in words", () => {
  it.each(Object.entries(said))("%s", (type, [tone, text]) => {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of an object of that type
    expect(describeEvent(samples[type as News])).toMatchObject({ tone, text });
  });

  it("are all that is listened to", () => {
    expect([...frequentTypes, ...rareTypes].toSorted()).toEqual(Object.keys(said).toSorted());
  });

  it("say why a circuit opened", () => {
    const opened = samples["circuit.opened"];
    const say = (change: Partial<typeof opened>): string => describeEvent({ ...opened, ...change }).text;
    expect(say({ cause: "slow", slowRatio: 0.8, openMs: 250 })).toBe(
      "circuit opened (/orders/{id}): 80 % of 40 calls were slow; next try in 250 ms",
    );
    expect(say({ cause: "probe", route: undefined })).toBe("circuit opened: a probe failed; next try in 5 s");
    expect(say({ cause: "forced" })).toBe("circuit opened (/orders/{id}): forced by hand");
    expect(describeEvent({ ...samples["endpoint.health_changed"], health: "healthy" }).tone).toBe("good");
  });
});
