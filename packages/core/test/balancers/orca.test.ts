import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import { loadReportOf } from "../../src/balancers/orca.ts";
import type { AttemptResult } from "../../src/endpoints/attempt-result.ts";
import { endpointStates, pickContext, pickerDeps, sharesOf } from "../support/balancing.ts";

/** The message with the fields that matter, as protobuf writes it. */
function binary(fields: {
  cpu?: number;
  rps?: number;
  eps?: number;
  named?: readonly [string, number];
}): string {
  const double = (field: number, value: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes[0] = (field << 3) | 1;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  };
  const parts: Buffer[] = [];
  if (fields.cpu !== undefined) parts.push(double(1, fields.cpu));
  if (fields.rps !== undefined) parts.push(double(6, fields.rps));
  if (fields.eps !== undefined) parts.push(double(7, fields.eps));
  if (fields.named !== undefined) {
    const [name, value] = fields.named;
    const entry = Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name), double(2, value)]);
    parts.push(Buffer.from([66, entry.length]), entry);
  }
  return Buffer.concat(parts).toString("base64");
}

describe("a load report", () => {
  it.each([
    [
      "TEXT",
      { "endpoint-load-metrics": "TEXT cpu_utilization=0.5, rps_fractional=20,named_metrics.queue=3" },
    ],
    [
      "TEXT as Envoy writes it",
      { "endpoint-load-metrics": "TEXT cpu_utilization:0.5,rps_fractional:20,named_metrics.queue:3" },
    ],
    [
      "JSON with numbers as text",
      {
        "endpoint-load-metrics":
          'JSON {"cpuUtilization": "0.5", "rps": "20", "named_metrics": {"queue": "3"}}',
      },
    ],
    [
      "JSON",
      {
        "endpoint-load-metrics":
          'JSON {"cpuUtilization": 0.5, "rps_fractional": 20, "named_metrics": {"queue": 3}}',
      },
    ],
    ["binary", { "endpoint-load-metrics-bin": binary({ cpu: 0.5, rps: 20, named: ["queue", 3] }) }],
  ])("is read in %s", (_, headers) => {
    const report = loadReportOf(headers);
    expect(report).toMatchObject({ cpuUtilization: 0.5, rps: 20, eps: 0 });
    expect(report?.metrics.get("named_metrics.queue")).toBe(3);
  });

  it.each([
    "TEXT cpu_utilization",
    "TEXT cpu_utilization=fast",
    "TEXT cpu_utilization=-1",
    "JSON {",
    "JSON [1]",
    "TEXT cpu_utilization:",
    "TEXT :0.5",
    'JSON {"cpu_utilization": "fast"}',
    'JSON {"cpu_utilization": ""}',
    'JSON {"named_metrics": {"queue": true}}',
    "XML <load/>",
    `TEXT ${"x=1,".repeat(5_000)}`,
  ])("that is garbage counts as none: %s", (text) => {
    expect(loadReportOf({ "endpoint-load-metrics": text })).toBeNull();
  });

  it("is never more than a nuisance, whatever comes", () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 200 }), (text, bytes) => {
        loadReportOf({ "endpoint-load-metrics": text });
        loadReportOf({ "endpoint-load-metrics": `TEXT ${text}` });
        loadReportOf({ "endpoint-load-metrics": `JSON ${text}` });
        const report = loadReportOf({ "endpoint-load-metrics-bin": Buffer.from(bytes).toString("base64") });
        expect(report === null || report === undefined || report.cpuUtilization >= 0).toBe(true);
      }),
      { seed: 4, numRuns: 2_000 },
    );
    expect(loadReportOf({})).toBeUndefined();
  });
});

describe("client-side-weighted-round-robin", () => {
  const report = (utilisation: number, rps = 100, eps = 0): AttemptResult => ({
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    isSuperseded: false,
    isAnswered: false,
    latencyMs: 1,
    headers: {
      "endpoint-load-metrics": `TEXT cpu_utilization=${utilisation},rps_fractional=${rps},eps=${eps}`,
    },
  });
  const world = (options: object = {}) => {
    const deps = pickerDeps(1);
    const states = endpointStates(3, deps.table);
    const balancer = resolveBalancer({ type: "client-side-weighted-round-robin", ...options }, "balancer");
    return { states, picker: balancer.build(states, deps) };
  };
  const shares = (picker: ReturnType<typeof world>["picker"], now: number): readonly number[] => {
    const found = sharesOf(picker, 9_000, pickContext({ now }));
    return ["e0", "e1", "e2"].map((id) => Math.round(100 * (found.get(id) ?? 0)));
  };

  it("is a round robin until two have reported for the blackout period", () => {
    const { picker, states } = world();
    picker.settled?.(states[0]!, report(0.9), 0);
    expect(shares(picker, 11_000)).toEqual([33, 33, 33]);
    picker.settled?.(states[1]!, report(0.3), 11_500);
    expect(shares(picker, 20_000)).toEqual([33, 33, 33]);
    // 111 and 333 a second; the third, of which nothing is known, gets what the others have on average.
    expect(shares(picker, 22_600)).toEqual([17, 50, 33]);
  });

  it("counts errors as load, and forgets what was not said again", () => {
    const { picker, states } = world({ blackoutPeriodMs: 0, weightExpirationPeriodMs: 5_000 });
    for (const state of states) picker.settled?.(state, report(0.5), 0);
    picker.settled?.(states[0]!, report(0.5, 100, 50), 1);
    expect(shares(picker, 2_000)).toEqual([20, 40, 40]);
    expect(shares(picker, 9_000)).toEqual([33, 33, 33]);
  });

  it("goes by other metrics where they are named", () => {
    const { picker, states } = world({
      blackoutPeriodMs: 0,
      metricNamesForComputingUtilization: ["named_metrics.queue"],
    });
    for (const [index, state] of states.entries()) {
      const queue = [0.2, 0.4, 0.4][index]!;
      const headers = {
        "endpoint-load-metrics": `TEXT cpu_utilization=0.9,rps_fractional=100,named_metrics.queue=${queue}`,
      };
      picker.settled?.(state, { ...report(0.9), headers }, 0);
    }
    expect(shares(picker, 2_000)).toEqual([50, 25, 25]);
  });
});
