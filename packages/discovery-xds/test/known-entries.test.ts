import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { expect, it } from "vitest";

import { DecodeMemory, endpointsKind } from "../src/resource-kind.ts";
import { encode } from "./support/messages.ts";

const entry = fc.record({
  host: fc.integer({ min: 1, max: 40 }),
  weight: fc.constantFrom(0, 1, 1, 1, 2),
  health: fc.constantFrom("HEALTHY", "UNHEALTHY"),
});
const locality = fc.record({
  zone: fc.constantFrom("a", "b"),
  weight: fc.constantFrom(1, 1, 5),
  priority: fc.constantFrom(0, 0, 0, 1),
  entries: fc.uniqueArray(entry, { maxLength: 12, selector: ({ host }) => host }),
});

interface Entry {
  readonly host: number;
  readonly weight: number;
  readonly health: string;
}

interface Group {
  readonly zone: string;
  readonly weight: number;
  readonly priority: number;
  readonly entries: readonly Entry[];
}

function bytesOf(groups: readonly Group[]): Buffer {
  return encode("ClusterLoadAssignment", {
    cluster_name: "x",
    endpoints: groups.map(({ entries, priority, weight, zone }) => ({
      locality: { zone },
      priority,
      load_balancing_weight: { value: weight },
      lb_endpoints: entries.map(({ health, host, weight: own }) => ({
        endpoint: { address: { socket_address: { address: `10.0.0.${host}`, port_value: 80 } } },
        health_status: health,
        load_balancing_weight: { value: own },
      })),
    })),
  });
}

function read(bytes: Buffer, memory?: DecodeMemory): unknown {
  try {
    return workAtOnce(endpointsKind.decode(bytes, memory));
  } catch (error) {
    return String(error);
  }
}

it("an assignment is read the same, whatever is known of those before it", () => {
  const steps = fc.array(fc.array(locality, { maxLength: 3 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(steps, fc.array(fc.nat(100), { minLength: 8, maxLength: 8 }), (lists, drops) => {
      const memory = new DecodeMemory();
      memory.want(endpointsKind, "x");
      for (const [i, groups] of lists.entries()) {
        // After each, the same with one taken out, as most updates are.
        const thinner = groups.map((group) => ({
          ...group,
          entries: group.entries.filter((_, at) => at !== drops[i]! % 12),
        }));
        for (const one of [groups, thinner, groups]) {
          const bytes = bytesOf(one);
          expect(read(bytes, memory)).toEqual(read(bytes));
        }
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});

it("an endpoint of which nothing is new stays the very object", () => {
  const memory = new DecodeMemory();
  memory.want(endpointsKind, "x");
  const hosts = Array.from({ length: 30 }, (_, i) => ({
    host: i + 1,
    weight: 1,
    health: "HEALTHY" as const,
  }));
  const group = { zone: "a", weight: 1, priority: 0 } as const;
  const first = workAtOnce(endpointsKind.decode(bytesOf([{ ...group, entries: hosts }]), memory)).value
    .endpoints;
  const fewer: readonly Entry[] = [
    ...hosts.slice(0, 9),
    { ...hosts[9]!, health: "UNHEALTHY" },
    ...hosts.slice(10),
  ];
  const second = workAtOnce(endpointsKind.decode(bytesOf([{ ...group, entries: fewer }]), memory)).value
    .endpoints;
  expect(second.map((endpoint, i) => endpoint === first[i])).toEqual(hosts.map((_, i) => i !== 9));
});

it("nothing is kept of what nobody wants", () => {
  const memory = new DecodeMemory();
  read(bytesOf([]), memory);
  expect(memory.entriesOf("x")).toBeUndefined();
  memory.want(endpointsKind, "x");
  expect(memory.entriesOf("x")).toBeDefined();
  memory.forget(endpointsKind, "x");
  expect(memory.entriesOf("x")).toBeUndefined();
});
