import { SourceError } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import type { LoadAssignment } from "../src/load-assignment.ts";
import { endpointsKind } from "../src/resource-kind.ts";
import { ResourceTable } from "../src/resource-table.ts";

const assignment: LoadAssignment = {
  endpoints: [],
  skipped: 0,
  dropOverloads: [],
  overprovisioning: undefined,
  staleAfterMs: undefined,
};

/** A table, what it told of the resource `a`, and what it told the conversation. */
function table(): {
  table: ResourceTable;
  clock: ManualClock;
  heard: string[];
  said: string[];
  end: () => void;
} {
  const clock = new ManualClock();
  const heard: string[] = [];
  const said: string[] = [];
  const made = new ResourceTable(clock, {
    added: (_, name) => said.push(`added ${name}`),
    abandoned: () => said.push("abandoned"),
    removed: (_, name) => said.push(`removed ${name}`),
    dropped: (_, name) => said.push(`dropped ${name}`),
  });
  const end = made.watch(endpointsKind, "a", {
    known: (_, version) => heard.push(`known ${version}`),
    absent: () => heard.push("absent"),
    unchanged: () => heard.push("unchanged"),
    trouble: (error) => heard.push(error.class),
  });
  return { table: made, clock, heard, said, end };
}

const update = (
  version: string,
  ttlMs?: number,
): { name: string; value: unknown; version: string; ttlMs: number | undefined } => ({
  name: "a",
  value: assignment,
  version,
  ttlMs,
});

describe("a resource that is waited for", () => {
  it("is absent after its time, of which only that with a stream counts", async () => {
    const { clock, heard, table: one } = table();
    await clock.advance(60_000);
    one.startWaiting(1000, false);
    await clock.advance(900);
    one.stopWaiting();
    await clock.advance(60_000);
    expect(heard).toEqual([]);
    one.startWaiting(1000, false);
    await clock.advance(999);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual(["absent"]);
  });

  it("is waited for no longer when it came, or came and was no good", async () => {
    const { clock, heard, table: one } = table();
    one.startWaiting(1000, false);
    one.refused(endpointsKind, "a", new SourceError("data", "no good"));
    await clock.advance(2000);
    one.startWaiting(1000, false);
    one.update(endpointsKind, [update("1")]);
    await clock.advance(2000);
    expect(heard).toEqual(["data", "known 1"]);
    // What is known is not waited for on the next stream either.
    one.startWaiting(1000, false);
    await clock.advance(2000);
    expect(heard).toHaveLength(2);
  });

  it("may be any where a bad one has no name, so its time goes on", async () => {
    const { clock, heard, table: one } = table();
    one.startWaiting(1000, false);
    one.refused(endpointsKind, undefined, new SourceError("data", "no name"));
    await clock.advance(1000);
    expect(heard).toEqual(["data", "absent"]);
  });
});

describe("a resource with a lifetime", () => {
  it("is lost when it is over, and a renewal puts that off", async () => {
    const { clock, heard, said, table: one } = table();
    one.update(endpointsKind, [update("1", 1000)]);
    await clock.advance(900);
    one.renew(endpointsKind, "a", 1000);
    await clock.advance(900);
    expect(heard).toEqual(["known 1", "unchanged"]);
    await clock.advance(100);
    expect(heard.at(-1)).toBe("absent");
    expect(said).toEqual(["added a", "dropped a"]);
    // One that comes without a lifetime stays.
    one.update(endpointsKind, [update("2")]);
    await clock.advance(100_000);
    expect(heard.at(-1)).toBe("known 2");
  });
});

describe("a resource that nobody watches any more", () => {
  it("goes with the next sweep, with its timers, and not before", async () => {
    const { clock, end, heard, said, table: one } = table();
    one.update(endpointsKind, [update("1", 1000)]);
    end();
    end();
    expect(said).toEqual(["added a", "abandoned"]);
    one.sweep();
    expect(said.at(-1)).toBe("removed a");
    await clock.advance(10_000);
    expect(heard).toEqual(["known 1"]);
  });
});
