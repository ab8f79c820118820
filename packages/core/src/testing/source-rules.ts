import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import type { DiscoverySource, WatchHandle } from "../discovery/source.ts";
import { has, resolved, samples, serves, unknown, versionOf } from "./source-room.ts";
import type { Rule } from "./source-room.ts";

/** What every source does. */
export const sourceRules: readonly Rule[] = [
  {
    name: "gives each service a key of its own, the same every time",
    async check({ source, service }) {
      assert.equal(typeof source.key({ service }), "string");
      assert.equal(source.key({ service }), source.key({ service }));
      assert.notEqual(source.key({ service }), source.key({ service: unknown }));
    },
  },
  {
    name: "never calls the sink before watch() returns",
    async check({ watch, service }) {
      assert.equal(watch(service).early, 0);
    },
  },
  {
    name: "reports the whole list of a service, with unique ids that stay the same",
    async check({ watch, service, endpoints, timeoutMs }) {
      const first = await watch(service).untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const second = await watch(service).untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const ids = first.endpoints.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, "ids are not unique");
      assert.deepEqual(second.endpoints.map(({ id }) => id).toSorted(), ids.toSorted(), "ids changed");
    },
  },
  {
    name: "answers for a name that nobody registered, with absent or an empty list",
    async check({ watch, timeoutMs }) {
      const snapshot = await watch(unknown).untilSnapshot(() => true, timeoutMs);
      assert.deepEqual(snapshot.endpoints, []);
    },
  },
  {
    name: "reports a change as a new whole list",
    needs: ["put"],
    async check({ harness, watch, service, timeoutMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(0, 2)), timeoutMs);
      await harness.put?.(service, samples);
      await sink.untilSnapshot((s) => has(s.endpoints, samples), timeoutMs);
      await harness.put?.(service, samples.slice(1));
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(1)), timeoutMs);
    },
  },
  {
    name: "reports that an endpoint was taken out",
    needs: ["put", "remove"],
    async check({ harness, watch, service, timeoutMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(0, 2)), timeoutMs);
      await harness.remove?.(service, "contract-1");
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(1, 2)), timeoutMs);
    },
  },
  {
    name: "wakes nobody when the same list is written again",
    needs: ["put"],
    async check({ harness, directory, service, endpoints, timeoutMs, quietMs }) {
      const subscription = directory().subscribe(service);
      await resolved(subscription, endpoints, timeoutMs);
      const before = subscription.current;
      await harness.put?.(service, endpoints);
      await sleep(systemClock, quietMs);
      assert.equal(
        versionOf(subscription.current),
        versionOf(before),
        "an unchanged list was told as a change",
      );
    },
  },
  {
    name: "shares one watch between any number of users",
    async check({ source, directory, service, endpoints, timeoutMs }) {
      let watches = 0;
      const counted: DiscoverySource = {
        ...source,
        name: source.name,
        key: (target) => source.key(target),
        watch: (target, sink, context): WatchHandle => {
          watches++;
          return source.watch(target, sink, context);
        },
      };
      const shared = directory(counted);
      const users = Array.from({ length: 200 }, () => shared.subscribe(service));
      await Promise.all(users.map((user) => resolved(user, endpoints, timeoutMs)));
      assert.equal(watches, 1);
    },
  },
  {
    name: "is silent after an abort, whenever it comes, and settles done",
    async check({ harness, watch, service, endpoints, timeoutMs, quietMs }) {
      const atOnce = watch(service);
      await atOnce.stop(timeoutMs);
      const whileConnecting = watch(service);
      await sleep(systemClock, 1);
      await whileConnecting.stop(timeoutMs);
      const afterList = watch(service);
      await afterList.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      await afterList.stop(timeoutMs);
      const duringChange = watch(service);
      await duringChange.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const change = harness.put?.(service, samples);
      await duringChange.stop(timeoutMs);
      await change;
      await sleep(systemClock, quietMs);
      for (const sink of [atOnce, whileConnecting, afterList, duringChange]) {
        assert.equal(sink.late, 0, "the sink was called after done");
      }
    },
  },
  {
    name: "stands any number of refresh hints, also after the abort",
    async check({ watch, service, endpoints, timeoutMs }) {
      const sink = watch(service);
      for (let i = 0; i < 20; i++) sink.handle?.refresh?.("contract");
      await sink.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      for (let i = 0; i < 20; i++) sink.handle?.refresh?.("contract");
      await sink.stop(timeoutMs);
      sink.handle?.refresh?.("contract");
      const last = sink.snapshots.at(-1);
      assert.ok(last !== undefined && has(last.endpoints, endpoints), "refreshing changed the list");
    },
  },
  {
    name: "leaves out an entry that is no endpoint and keeps the others",
    needs: ["put", "putMalformed"],
    async check({ harness, directory, service, timeoutMs, quietMs }) {
      await harness.putMalformed?.(service);
      const subscription = directory().subscribe(service);
      await resolved(subscription, samples.slice(0, 2), timeoutMs);
      await sleep(systemClock, quietMs);
      assert.ok(serves(subscription.current, samples.slice(0, 2)), "the good entries did not stay");
    },
  },
  {
    name: "keeps the last good list through an outage and reports what changed after it",
    needs: ["put", "breakConnection"],
    async check({ harness, directory, service, endpoints, timeoutMs, quietMs }) {
      const subscription = directory().subscribe(service);
      await resolved(subscription, endpoints, timeoutMs);
      await harness.breakConnection?.();
      await sleep(systemClock, quietMs);
      assert.ok(serves(subscription.current, endpoints), "the outage changed the list");
      await harness.restore?.();
      await harness.put?.(service, samples);
      await resolved(subscription, samples, timeoutMs);
      assert.equal(subscription.current.status === "bound" && subscription.current.stale, false);
    },
  },
  {
    name: "finds its registry when that comes up later",
    needs: ["put", "breakConnection"],
    async check({ harness, directory, service, endpoints, timeoutMs, quietMs }) {
      await harness.breakConnection?.();
      const subscription = directory().subscribe(service);
      await sleep(systemClock, quietMs);
      await harness.restore?.();
      await resolved(subscription, endpoints, timeoutMs);
    },
  },
  {
    name: "can be closed twice",
    async check({ source, watch, service, endpoints, timeoutMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      await sink.stop(timeoutMs);
      await source.close?.();
      await source.close?.();
    },
  },
];
