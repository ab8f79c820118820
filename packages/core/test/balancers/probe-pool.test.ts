import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ProbePool, readLoad } from "../../src/balancers/probe-pool.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { seededRandom } from "../../src/random.ts";
import { endpointStates } from "../support/balancing.ts";

const settings = {
  probePath: "/load",
  probesPerCall: 3,
  poolSize: 16,
  removalsPerCall: 0,
  maxAgeMs: 1_000,
  timeoutMs: 100,
  rifQuantile: 0.84,
};

describe("the pool of probes", () => {
  it("chooses by the hot-cold rule, as its plain definition does", () => {
    const load = fc.record({ rif: fc.nat(20), latencyMs: fc.integer({ min: 1, max: 1_000 }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(load, { minLength: 2, maxLength: 16, selector: ({ latencyMs }) => latencyMs }),
        (loads) => {
          const states = endpointStates(loads.length, new LoadTable());
          const pool = new ProbePool(settings, seededRandom(1));
          const members = new Set(states);
          for (const [index, state] of states.entries()) pool.add(state, loads[index]!, 0, members);
          const sorted = loads.map(({ rif }) => rif).toSorted((a, b) => a - b);
          const threshold = sorted[Math.min(sorted.length - 1, Math.floor(0.84 * sorted.length))]!;
          const cold = loads.filter(({ rif }) => rif <= threshold);
          const fastest = cold.toSorted((a, b) => a.latencyMs - b.latencyMs)[0]!;
          expect(pool.best(0, undefined, members)).toBe(states[loads.indexOf(fastest)]);
        },
      ),
      { seed: 8 },
    );
  });

  it("uses no answer that is old, worn, or of an endpoint that is closed, failing, tried or gone", () => {
    const table = new LoadTable();
    const states = endpointStates(6, table);
    const pool = new ProbePool(settings, seededRandom(1));
    const members = new Set(states.slice(0, 5));
    for (const [index, state] of states.entries()) {
      pool.add(state, { rif: 1, latencyMs: 1 + index }, 0, new Set(states));
    }
    table.setClosed(states[0]!.offset, true);
    for (let i = 0; i < 10; i++) table.failed(states[1]!.offset, 0);
    pool.distrust(states[2]!);
    expect(pool.best(1, undefined, members)).toBe(states[3]);
    expect(pool.best(1, [states[3]!], members)).toBeUndefined();
    expect(pool.best(1_001, undefined, members)).toBeUndefined();
  });

  it("believes the last thing that an endpoint said", () => {
    const states = endpointStates(2, new LoadTable());
    const pool = new ProbePool(settings, seededRandom(1));
    const members = new Set(states);
    pool.add(states[0]!, { rif: 1, latencyMs: 1 }, 0, members);
    pool.add(states[1]!, { rif: 1, latencyMs: 5 }, 0, members);
    pool.add(states[0]!, { rif: 1, latencyMs: 9 }, 1, members);
    expect(pool.best(2, undefined, members)).toBe(states[1]);
  });

  it("serves several parts of the traffic, each with room for its own answers", () => {
    const states = endpointStates(40, new LoadTable());
    const pool = new ProbePool({ ...settings, removalsPerCall: 10 }, seededRandom(1));
    const [near, far] = [new Set(states.slice(0, 20)), new Set(states.slice(20))];
    for (const [index, state] of states.entries()) {
      pool.add(state, { rif: 1, latencyMs: 100 - index }, 0, near.has(state) ? near : far);
    }
    // The last 16 of each; what the one uses up the other keeps.
    expect(pool.best(1, undefined, near)).toBe(states[19]);
    expect(pool.best(1, states.slice(37), far)).toBe(states[36]);
    // An endpoint that goes to another part takes along what it said.
    expect(pool.best(1, undefined, new Set([states[18]!, states[38]!, states[39]!]))).toBe(states[39]);
  });
});

describe("what an endpoint says of its load", () => {
  it.each([
    [
      { headers: { "x-prequal-rif": "3", "x-prequal-latency-ms": "1.5" }, body: "" },
      { rif: 3, latencyMs: 1.5 },
    ],
    [
      { headers: {}, body: '{"rif": 3, "latencyMs": 1.5}' },
      { rif: 3, latencyMs: 1.5 },
    ],
    [{ headers: { "x-prequal-rif": "many" }, body: "" }, undefined],
    [{ headers: { "x-prequal-rif": "-1", "x-prequal-latency-ms": "1" }, body: "" }, undefined],
    [{ headers: {}, body: "<html>" }, undefined],
    [{ headers: {}, body: "[]" }, undefined],
    [{ headers: {}, body: "null" }, undefined],
  ])("is read from %j", (answer, load) => {
    expect(readLoad(answer)).toEqual(load);
  });
});
