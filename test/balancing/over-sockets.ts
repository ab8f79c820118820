import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh, TypedClient } from "@proxyless/core";
import { seededRandom } from "@proxyless/core/testing";
import type { Scenario, SimulatedPolicy } from "@proxyless/core/testing";

import { openLoop } from "../../examples/demo/traffic.ts";
import type { Outcome } from "./outcome.ts";
import { troubleAtMs } from "./scenarios.ts";

interface Paths {
  "/": { get: { responses: { 200: { content: { "application/json": object } } } } };
}

/** A policy at work, and how its calls fared while there was trouble. */
interface Candidate {
  readonly name: string;
  readonly mesh: Mesh;
  readonly client: TypedClient<Paths>;
  calls: number;
  ok: number;
}

const service = "orders";

/**
 * Runs a scenario over real sockets, with all policies at once: each has a mesh of its own, every call belongs to one of them by
 * chance, and what disturbs the machine disturbs all.
 */
export async function overSockets(
  scenario: Scenario,
  policies: readonly SimulatedPolicy[],
): Promise<Outcome> {
  const backends = fork(new URL("backends.ts", import.meta.url), [scenario.name], { execArgv: [] });
  const candidates: Candidate[] = [];
  try {
    const addresses = portsIn(await answerOf(backends)).map((port) => `127.0.0.1:${port}`);
    for (const { name, service: options } of policies) {
      const mesh = createMesh({ discovery: staticSource({ [service]: addresses }) });
      const client = mesh.service<Paths>(service, options);
      candidates.push({ name, mesh, client, calls: 0, ok: 0 });
    }
    await Promise.all(candidates.map(({ mesh }) => mesh.ready(service)));
    await drive(scenario, candidates, backends);
  } finally {
    await Promise.all(candidates.map(({ mesh }) => mesh.close()));
    backends.kill();
  }
  return Object.fromEntries(candidates.map(({ calls, name, ok }) => [name, (100 * ok) / calls]));
}

async function drive(
  { callsPerSecond: rate, durationMs, limitMs }: Scenario,
  candidates: readonly Candidate[],
  backends: ChildProcess,
): Promise<void> {
  const draw = seededRandom(1);
  const calls: Promise<void>[] = [];
  const began = answerOf(backends);
  backends.send("begin");
  await began;
  const beganAt = performance.now();
  const traffic = {
    rate: Number(rate) * candidates.length,
    seconds: durationMs / 1_000,
    seed: 2,
    signal: new AbortController().signal,
  };
  await openLoop(traffic, () => {
    const candidate = candidates[Math.floor(draw() * candidates.length)]!;
    calls.push(call(candidate, performance.now() - beganAt >= troubleAtMs, limitMs));
  });
  await Promise.all(calls);
}

async function call(candidate: Candidate, counts: boolean, limitMs: number): Promise<void> {
  const sentAt = performance.now();
  const isOk = await candidate.client.GET("/").then(
    ({ response }) => response.status === 200 && performance.now() - sentAt <= limitMs,
    () => false,
  );
  if (!counts) return;
  candidate.calls++;
  if (isOk) candidate.ok++;
}

async function answerOf(backends: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort(new Error("the backends ended"));
  };
  backends.once("exit", end);
  try {
    const [answer]: unknown[] = await once(backends, "message", { signal: ended.signal });
    return answer;
  } finally {
    backends.off("exit", end);
  }
}

function portsIn(answer: unknown): readonly number[] {
  const ports: unknown = new Map(Object.entries(answer ?? {})).get("ports");
  return Array.isArray(ports) ? ports.map(Number) : [];
}
