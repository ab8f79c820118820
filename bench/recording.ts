import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh, MeshEvent, MeshEventOf } from "@proxyless/core";
import { createMetrics, instrumentMesh } from "@proxyless/metrics";

import type { Row } from "./row.ts";
import { median } from "./statistics.ts";

const callsPerRound = 20_000;
const warmUpRounds = 5;

/** What recording a call and its attempt costs by itself, in loops without a call: as events come, one after the other. */
export async function recording(rounds: number): Promise<readonly Row[]> {
  const base = "recording a call and its attempt";
  await using own = openSubject((mesh) => createMetrics(mesh, { eventLoop: false }));
  await using stack = new AsyncDisposableStack();
  // Without a reader nothing would be added up.
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 60_000,
    exportTimeoutMillis: 5_000,
  });
  const provider = stack.adopt(new MeterProvider({ readers: [reader] }), (one) => one.shutdown());
  const meter = provider.getMeter("bench");
  const api = stack.use(openSubject((mesh) => instrumentMesh(mesh, { meter, eventLoop: false })));
  const times = { own: [] as number[], api: [] as number[] };
  for (let round = -warmUpRounds; round < rounds; round++) {
    const each = { own: own.run(), api: api.run() };
    if (round < 0) continue;
    times.own.push(each.own);
    times.api.push(each.api);
  }
  const common = { metric: "ns", against: null, ratio: null, target: null } as const;
  return [
    { ...common, name: base, value: median(times.own), target: 500 },
    { ...common, name: `${base}, through the API`, value: median(times.api) },
  ];
}

interface Subject extends AsyncDisposable {
  /** @returns nanoseconds per call with its attempt */
  run(): number;
}

/** What measures a mesh, and hears of calls that nobody made. */
function openSubject(measure: (mesh: Mesh) => Disposable): Subject {
  const mesh = createMesh({ discovery: staticSource({ orders: ["127.0.0.1:1"] }) });
  const heard = new Map<string, (event: MeshEvent) => void>();
  const listening = new Proxy(mesh, {
    get: (target, key): unknown => {
      if (key === "on") {
        return (type: string, listener: (event: MeshEvent) => void) => {
          heard.set(type, listener);
          return () => undefined;
        };
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const measured = measure(listening);
  const attempt = heard.get("attempt.completed");
  const call = heard.get("call.completed");
  if (attempt === undefined || call === undefined) throw new Error("nobody listens to calls");
  return {
    run: () => {
      const begin = process.hrtime.bigint();
      for (let i = 0; i < callsPerRound; i++) {
        attempt(attempts[i % durations]!);
        call(calls[i % durations]!);
      }
      return Number(process.hrtime.bigint() - begin) / callsPerRound;
    },
    [Symbol.asyncDispose]: async () => {
      measured[Symbol.dispose]();
      await mesh.close();
    },
  };
}

const common = {
  service: "orders",
  route: undefined,
  method: "GET",
  outcome: "success",
  status: 200,
  endpoint: "127.0.0.1:1",
  pick: "LB",
  protocol: "1.1",
  durationMs: 0,
  trace: undefined,
  tags: undefined,
} as const;

const attemptEvent: MeshEventOf<"attempt.completed"> = {
  ...common,
  type: "attempt.completed",
  number: 1,
  phase: "body",
  reason: undefined,
  hedge: false,
};

const callEvent: MeshEventOf<"call.completed"> = {
  ...common,
  type: "call.completed",
  path: "/orders/42",
  template: "/orders/{id}",
  error: undefined,
  flag: undefined,
  answeredBy: "network",
  replaced: undefined,
  attempts: 1,
  hedges: 0,
  firstByteMs: undefined,
  requestBytes: 0,
  responseBytes: 20,
};

/** Made before anything is measured: calls of 1 to 50 ms. */
const durations = 50;
const attempts = Array.from({ length: durations }, (_, i) => ({ ...attemptEvent, durationMs: 1 + i }));
const calls = Array.from({ length: durations }, (_, i) => ({ ...callEvent, durationMs: 1 + i }));
