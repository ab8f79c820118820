import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import { createDirectory } from "../../src/discovery/directory.ts";
import type { Directory } from "../../src/discovery/directory.ts";
import type { Diff, Resolution, Subscription } from "../../src/discovery/resolution.ts";
import type { DiscoverySource, Endpoint, Snapshot } from "../../src/discovery/source.ts";
import { EventHub } from "../../src/event-hub.ts";
import type { MeshEvent, MeshEventType } from "../../src/events.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource, FakeSourceOptions } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const types: readonly MeshEventType[] = [
  "discovery.updated",
  "discovery.error",
  "discovery.recovered",
  "discovery.protected",
  "discovery.skipped",
  "discovery.notice",
];

/** A directory on a clock that stands still, with every event written down. */
export interface Rig {
  readonly clock: ManualClock;
  readonly directory: Directory;
  readonly events: MeshEvent[];
  readonly hub: EventHub;
  /** The events of one type, or all of them. */
  readonly said: (type?: MeshEventType) => MeshEvent[];
}

export function rigFor(
  source: DiscoverySource,
  options: DirectoryOptions = {},
  clock: ManualClock = new ManualClock(),
): Rig {
  const hub = new EventHub();
  const events: MeshEvent[] = [];
  for (const type of types) hub.on(type, (event) => events.push(event));
  const directory = createDirectory({ source, clock, random: seededRandom(7), events: hub, options });
  return {
    clock,
    directory,
    events,
    hub,
    said: (type) => events.filter((event) => type === undefined || event.type === type),
  };
}

/** The same over a fake source that says nothing by itself. */
export function rig(
  options: DirectoryOptions = {},
  sourceOptions: FakeSourceOptions = {},
): Rig & { readonly source: FakeSource } {
  const source = fakeSource({ silent: true, ...sourceOptions });
  return { ...rigFor(source, options), source };
}

export function list(...ids: readonly string[]): Endpoint[] {
  return ids.map((id) => fakeEndpoint(id));
}

export function bound(endpoints: readonly Endpoint[], patch: Partial<Snapshot> = {}): Snapshot {
  return { kind: "bound", endpoints, trust: "authoritative", ...patch };
}

/** What a subscription serves: ids, with a mark for those kept as a last resort. */
export function serving({ current }: Subscription): string {
  if (current.status !== "bound") return current.status;
  return current.endpoints.map(({ id, held }) => (held ? `(${id})` : id)).join(" ");
}

/** Writes down each change as one line: the status and the ids that came, changed and went. */
export function record(subscription: Subscription): string[] {
  const lines: string[] = [];
  subscription.onChange((resolution: Resolution, { added, updated, removed }: Diff) => {
    const parts = [
      ...added.map(({ id }) => `+${id}`),
      ...updated.map(([, { id }]) => `~${id}`),
      ...removed.map(({ id }) => `-${id}`),
    ];
    lines.push([resolution.status, ...parts].join(" "));
  });
  return lines;
}

/** How a promise ends, without leaving a rejection unhandled meanwhile. */
export async function ending(promise: Promise<unknown>): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

/** Lets a test hand over what the types forbid. */
// eslint-disable-next-line typescript/no-explicit-any -- that is its purpose
export function untyped(value: unknown): any {
  return value;
}
