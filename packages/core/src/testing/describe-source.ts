import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import { createDirectory } from "../discovery/directory.ts";
import type { Directory } from "../discovery/directory.ts";
import { hostPort } from "../discovery/host.ts";
import type { Resolution } from "../discovery/resolution.ts";
import type { DiscoverySource, Endpoint, WatchHandle } from "../discovery/source.ts";
import { EventHub } from "../events.ts";
import { systemRandom } from "../random.ts";
import { RecordingSink } from "./recording-sink.ts";

/**
 * A registry with a source on it, as the contract needs it. Leave out what the source cannot do, and say so in
 * {@link SourceContractOptions.without}.
 */
export interface SourceHarness {
  readonly source: DiscoverySource;
  /** Makes exactly these endpoints the registry's list of the service; resolves when the registry has taken it. */
  put?(service: string, endpoints: readonly Endpoint[]): Promise<void> | void;
  /** Takes one of them out again, by the id it was put with. */
  remove?(service: string, id: string): Promise<void> | void;
  /** Writes an entry that is no endpoint beside the others. */
  putMalformed?(service: string): Promise<void> | void;
  /** Cuts the source off from its registry, so that it notices. */
  breakConnection?(): Promise<void> | void;
  /** Ends that. */
  restore?(): Promise<void> | void;
  /** For a source that cannot be written to: what it holds. */
  readonly fixed?: { readonly service: string; readonly endpoints: readonly Endpoint[] };
  /** Ends the registry; called after every case, when the source is already closed. */
  close(): Promise<void> | void;
}

/** What a harness may be able to do with its registry. */
export type SourceAbility = "put" | "remove" | "putMalformed" | "breakConnection";

export interface SourceContractOptions {
  /** How long a case waits for something to happen, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  /** How long a case watches that nothing happens, in milliseconds; 100 by default. */
  readonly quietMs?: number;
  /** What the harness cannot do; the cases that need it are left out. Nothing by default. */
  readonly without?: readonly SourceAbility[];
}

export interface SourceCase {
  /** A sentence. */
  readonly name: string;
  /** Rejects with an `AssertionError` when the source breaks the contract. */
  readonly run: () => Promise<void>;
}

interface Room {
  readonly harness: SourceHarness;
  readonly source: DiscoverySource;
  /** A service that exists in the registry, with its endpoints. */
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  readonly timeoutMs: number;
  readonly quietMs: number;
  readonly watch: (service: string) => RecordingSink;
  readonly directory: (source?: DiscoverySource) => Directory;
}

interface Rule {
  readonly name: string;
  readonly needs?: readonly SourceAbility[];
  check(room: Room): Promise<void>;
}

const samples: readonly Endpoint[] = [1, 2, 3].map((n) => ({
  id: `contract-${n}`,
  host: `127.0.0.${n}`,
  port: 18_080 + n,
  weight: 1,
  priority: 0,
  health: "healthy",
  metadata: {},
}));
const unknown = "contract-nobody";

const rules: readonly Rule[] = [
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
      const first = await watch(service).until((s) => has(s.endpoints, endpoints), timeoutMs);
      const second = await watch(service).until((s) => has(s.endpoints, endpoints), timeoutMs);
      const ids = first.endpoints.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, "ids are not unique");
      assert.deepEqual(second.endpoints.map(({ id }) => id).toSorted(), ids.toSorted(), "ids changed");
    },
  },
  {
    name: "answers for a name that nobody registered, with absent or an empty list",
    async check({ watch, timeoutMs }) {
      const snapshot = await watch(unknown).until(() => true, timeoutMs);
      assert.deepEqual(snapshot.endpoints, []);
    },
  },
  {
    name: "reports a change as a new whole list",
    needs: ["put"],
    async check({ harness, watch, service, timeoutMs }) {
      const sink = watch(service);
      await sink.until((s) => has(s.endpoints, samples.slice(0, 2)), timeoutMs);
      await harness.put?.(service, samples);
      await sink.until((s) => has(s.endpoints, samples), timeoutMs);
      await harness.put?.(service, samples.slice(1));
      await sink.until((s) => has(s.endpoints, samples.slice(1)), timeoutMs);
    },
  },
  {
    name: "reports that an endpoint was taken out",
    needs: ["put", "remove"],
    async check({ harness, watch, service, timeoutMs }) {
      const sink = watch(service);
      await sink.until((s) => has(s.endpoints, samples.slice(0, 2)), timeoutMs);
      await harness.remove?.(service, "contract-1");
      await sink.until((s) => has(s.endpoints, samples.slice(1, 2)), timeoutMs);
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
      const users = Array.from({ length: 20 }, () => shared.subscribe(service));
      await Promise.all(users.map((user) => resolved(user, endpoints, timeoutMs)));
      assert.equal(watches, 1);
    },
  },
  {
    name: "is silent after an abort, whenever it comes, and settles done",
    async check({ harness, watch, service, endpoints, timeoutMs, quietMs }) {
      const atOnce = watch(service);
      await atOnce.abort(timeoutMs);
      const whileConnecting = watch(service);
      await sleep(systemClock, 1);
      await whileConnecting.abort(timeoutMs);
      const afterList = watch(service);
      await afterList.until((s) => has(s.endpoints, endpoints), timeoutMs);
      await afterList.abort(timeoutMs);
      const duringChange = watch(service);
      await duringChange.until((s) => has(s.endpoints, endpoints), timeoutMs);
      const change = harness.put?.(service, samples);
      await duringChange.abort(timeoutMs);
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
      await sink.until((s) => has(s.endpoints, endpoints), timeoutMs);
      for (let i = 0; i < 20; i++) sink.handle?.refresh?.("contract");
      await sink.abort(timeoutMs);
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
      await sink.until((s) => has(s.endpoints, endpoints), timeoutMs);
      await sink.abort(timeoutMs);
      await source.close?.();
      await source.close?.();
    },
  },
];

/**
 * The contract of a {@link DiscoverySource}, as cases for any test runner. Each case calls `make` for a fresh harness
 * and ends it. In vitest:
 *
 * `it.for(sourceContract(make))("$name", ({ run }) => run());`
 */
export function sourceContract(
  make: () => Promise<SourceHarness> | SourceHarness,
  options: SourceContractOptions = {},
): readonly SourceCase[] {
  const lacking = new Set(options.without);
  const possible = rules.filter(({ needs }) => needs?.some((need) => lacking.has(need)) !== true);
  return possible.map((rule) => ({
    name: rule.name,
    async run() {
      const harness = await make();
      const { source, fixed } = harness;
      const service = fixed?.service ?? "contract";
      const endpoints = fixed?.endpoints ?? samples.slice(0, 2);
      const sinks: RecordingSink[] = [];
      const directories: Directory[] = [];
      const timeoutMs = options.timeoutMs ?? 10_000;
      const room: Room = {
        harness,
        source,
        service,
        endpoints,
        timeoutMs,
        quietMs: options.quietMs ?? 100,
        watch(name) {
          const sink = new RecordingSink(source, name);
          sinks.push(sink);
          return sink;
        },
        directory(over = source) {
          const made = createDirectory({
            source: over,
            clock: systemClock,
            random: systemRandom,
            events: new EventHub(),
            options: { closeTimeoutMs: timeoutMs },
          });
          directories.push(made);
          return made;
        },
      };
      try {
        for (const need of rule.needs ?? []) {
          assert.ok(
            harness[need],
            `the harness has no ${need}; give it one, or name it in the option without`,
          );
        }
        if (fixed === undefined) await harness.put?.(service, endpoints);
        await rule.check(room);
      } finally {
        await Promise.all(directories.map((made) => made.close()));
        await Promise.all(sinks.map((sink) => sink.abort(timeoutMs)));
        await source.close?.();
        await harness.close();
      }
    },
  }));
}

/** Whether a list has exactly these addresses; ids are the registry's own affair. */
function has(list: readonly Endpoint[], expected: readonly Endpoint[]): boolean {
  const addresses = new Set(list.map(({ host, port }) => hostPort(host, port)));
  return (
    list.length === expected.length && expected.every(({ host, port }) => addresses.has(hostPort(host, port)))
  );
}

function serves(resolution: Resolution, expected: readonly Endpoint[]): boolean {
  return (
    resolution.status === "bound" &&
    has(
      resolution.endpoints.filter((endpoint) => !endpoint.held),
      expected,
    )
  );
}

function versionOf(resolution: Resolution): number {
  return "version" in resolution ? resolution.version : 0;
}

async function resolved(
  subscription: { readonly current: Resolution },
  expected: readonly Endpoint[],
  timeoutMs: number,
): Promise<void> {
  const end = systemClock.now() + timeoutMs;
  while (!serves(subscription.current, expected)) {
    assert.ok(
      systemClock.now() < end,
      `the directory did not serve the expected ${expected.length} endpoints within ${timeoutMs} ms`,
    );
    // eslint-disable-next-line no-await-in-loop -- it polls
    await sleep(systemClock, 5);
  }
}
