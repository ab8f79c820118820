import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import type { Endpoint } from "../discovery/source.ts";
import { has, live, resolved, samples, versionOf } from "./source-room.ts";
import type { Room, Rule } from "./source-room.ts";

const hourMs = 3_600_000;
/** What a storm of hints may make a source say: some answers, not one for each. */
const stormAnswers = 20;
/** A source may have some timers per watch; one per endpoint would be ten thousand. */
const fewTimers = 20;

/** What a source does when it is pressed hard, and what it leaves behind. */
export const enduranceRules: readonly Rule[] = [
  {
    name: "leaves no timer and no socket behind, whenever it is aborted",
    async check(room) {
      const { harness, watch, service, endpoints, source, timeoutMs } = room;
      const before = openSockets();
      await watch(service).stop(timeoutMs);
      const whileConnecting = watch(service);
      await sleep(systemClock, 1);
      await whileConnecting.stop(timeoutMs);
      const watching = watch(service);
      await watching.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const listing = watch(service);
      watching.handle.refresh?.("contract");
      await Promise.all([watching.stop(timeoutMs), listing.stop(timeoutMs)]);
      await source.close?.();
      await nothingLeft(room, before, "after an abort of a watch that was well");
      if (harness.breakConnection === undefined) return;
      await harness.breakConnection();
      const inTrouble = watch(service);
      await inTrouble.untilError(timeoutMs);
      await inTrouble.stop(timeoutMs);
      await source.close?.();
      await nothingLeft(room, before, "after an abort of a watch in trouble");
      await harness.restore?.();
    },
  },
  {
    name: "answers a storm of refresh hints a few times, not each of them",
    async check({ watch, service, endpoints, timeoutMs, quietMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const before = sink.calls;
      for (let i = 0; i < 500; i++) sink.handle.refresh?.("contract");
      await sleep(systemClock, quietMs);
      const answers = sink.calls - before;
      assert.ok(answers <= stormAnswers, `500 hints at once led to ${answers} answers`);
    },
  },
  {
    name: "is not led astray by a date that jumps",
    needs: ["put"],
    async check({ clock, harness, watch, service, timeoutMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(0, 2)), timeoutMs);
      clock.dateOffsetMs = hourMs;
      await harness.put?.(service, samples);
      await sink.untilSnapshot((s) => has(s.endpoints, samples), timeoutMs);
      clock.dateOffsetMs = -hourMs;
      await harness.put?.(service, samples.slice(1));
      await sink.untilSnapshot((s) => has(s.endpoints, samples.slice(1)), timeoutMs);
    },
  },
  {
    name: "counts the entries that were left out",
    needs: ["put", "putMalformed"],
    async check({ harness, directory, service, timeoutMs }) {
      await harness.putMalformed?.(service);
      const shared = directory();
      const subscription = shared.subscribe(service);
      await resolved(subscription, samples.slice(0, 2), timeoutMs);
      await until(() => (shared.dump()[0]?.counts.skipped ?? 0) > 0, timeoutMs, "no entry was counted");
    },
  },
  {
    name: "reports a list of nothing but nonsense as an error, and not as an empty list",
    needs: ["put", "putOnlyMalformed"],
    async check({ harness, directory, service, endpoints, timeoutMs }) {
      const shared = directory();
      const subscription = shared.subscribe(service);
      await resolved(subscription, endpoints, timeoutMs);
      await harness.putOnlyMalformed?.(service);
      const isError = (): boolean => shared.dump()[0]?.error?.class === "data";
      await until(isError, timeoutMs, "no error of class data");
      // Where entries are written one by one, some were gone before the last of them was.
      const left = live(subscription.current);
      const isKnown = left.every((one) => endpoints.some((known) => has([one], [known])));
      assert.ok(left.length > 0 && isKnown, "the last good list did not stay");
    },
  },
  {
    name: "says that it is alive, or the same list, when the registry wakes it for nothing",
    needs: ["touch"],
    async check({ harness, watch, directory, service, endpoints, timeoutMs }) {
      const subscription = directory().subscribe(service);
      await resolved(subscription, endpoints, timeoutMs);
      const version = versionOf(subscription.current);
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      const before = sink.calls;
      await harness.touch?.(service);
      await until(() => sink.calls > before, timeoutMs, "nothing was said");
      assert.deepEqual(sink.errors, []);
      assert.equal(versionOf(subscription.current), version, "a wake-up was told as a change");
    },
  },
  {
    name: "notices a connection that is open and dead, and recovers from it",
    needs: ["put", "silence"],
    async check({ harness, watch, service, endpoints, timeoutMs }) {
      const sink = watch(service);
      await sink.untilSnapshot((s) => has(s.endpoints, endpoints), timeoutMs);
      await harness.silence?.();
      await sink.untilError(timeoutMs);
      await harness.restore?.();
      await harness.put?.(service, samples);
      await sink.untilSnapshot((s) => has(s.endpoints, samples), timeoutMs);
    },
  },
  {
    name: "stands ten thousand endpoints, without a timer for each",
    needs: ["put", "many"],
    async check({ clock, harness, directory, service, timeoutMs }) {
      const all = Array.from({ length: 10_000 }, (_, i): Endpoint => ({
        id: `many-${i}`,
        host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
        port: 8080,
        weight: 1,
        priority: 0,
        health: "healthy",
        metadata: {},
      }));
      await harness.put?.(service, all);
      const subscription = directory().subscribe(service);
      await resolved(subscription, all, timeoutMs);
      assert.ok(clock.pendingTimers <= fewTimers, `${clock.pendingTimers} timers wait`);
    },
  },
];

/** Resources that hold a connection, a look-up or a watch of files. Node lists those that keep the process alive. */
function openSockets(): number {
  const open = process.getActiveResourcesInfo();
  return open.filter((type) =>
    /^(?:TCPSocket|TCPConnect|TLS|UDP|UDPSend|FSEvent|StatWatcher|Http2|Query|GetAddr)/u.test(type),
  ).length;
}

async function nothingLeft({ clock, timeoutMs }: Room, before: number, when: string): Promise<void> {
  const isClean = (): boolean => clock.pendingTimers === 0 && openSockets() <= before;
  await until(isClean, timeoutMs, "").catch(() => {
    const sockets = Math.max(0, openSockets() - before);
    assert.fail(`${clock.pendingTimers} timers and ${sockets} sockets are left ${when}`);
  });
}

async function until(test: () => boolean, timeoutMs: number, problem: string): Promise<void> {
  const end = systemClock.now() + timeoutMs;
  while (!test()) {
    assert.ok(systemClock.now() < end, `${problem} within ${timeoutMs} ms`);
    // eslint-disable-next-line no-await-in-loop -- it polls
    await sleep(systemClock, 5);
  }
}
