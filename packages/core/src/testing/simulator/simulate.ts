import { memorySource } from "../../discovery/memory-source.ts";
import type { CallEngine, CallRequest } from "../../engine/request.ts";
import type { MeshOptions } from "../../mesh-options.ts";
import { openMesh } from "../../mesh.ts";
import type { Mesh } from "../../mesh.ts";
import { checkNumber } from "../../option-checks.ts";
import { seededRandom } from "../../random.ts";
import { checkCallRate } from "./call-rate.ts";
import { listAtStart, listLater } from "./listing.ts";
import { mixSeed } from "./mix-seed.ts";
import { ModelledServer } from "./modelled-server.ts";
import { ModelledTransport } from "./modelled-transport.ts";
import { PausingClock } from "./pausing.ts";
import { Recorder, quantile } from "./recorder.ts";
import type {
  Scenario,
  SimulatedCall,
  SimulatedEvent,
  SimulatedPolicy,
  SimulationResult,
} from "./scenario.ts";
import { tiersOf } from "./tiers.ts";
import { Traffic } from "./traffic.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What to simulate. */
export interface SimulateOptions {
  readonly policy: SimulatedPolicy;
  /** A whole number from 0 to 4,294,967,295. */
  readonly seed: number;
  /** Hears of each call when it is over, for figures that the result does not have. */
  readonly onCall?: ((call: SimulatedCall) => void) | undefined;
}

const watched = [
  "endpoint.ejected",
  "endpoint.ejection_skipped",
  "endpoint.returned",
  "endpoint.added",
  "endpoint.removed",
  "balancer.panicked",
  "circuit.opened",
  "circuit.closed",
  "budget.exhausted",
] as const;

/** A process that calls, with a mesh of its own. */
interface Caller {
  readonly mesh: Mesh;
  readonly engine: CallEngine;
  readonly service: string;
  readonly pausing: PausingClock | undefined;
}

/**
 * Runs a scenario in virtual time: real meshes, with everything they do between a call and a socket, against modelled servers.
 * A minute of a thousand calls per second takes less than a second. Arrivals, servers and clients draw from chances of their own,
 * so that policies with the same seed meet the same calls.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a scenario, a policy or a seed that makes no sense
 */
export async function simulate(scenario: Scenario, options: SimulateOptions): Promise<SimulationResult> {
  check(scenario, options);
  const { onCall, policy, seed } = options;
  const tiers = tiersOf(scenario);
  const clock = new VirtualClock();
  let startsAt = Infinity;
  const begins = (): number => startsAt;
  const servers = tiers
    .flatMap(({ models }) => models)
    .map((model, index) => new ModelledServer(model, clock, seededRandom(mixSeed(seed, 1, index)), begins));
  const byId = new Map(servers.map((server) => [server.model.id, server]));
  const positions = new Map(
    servers.slice(0, scenario.servers.length).map((server, index) => [server, index]),
  );
  const recorder = new Recorder(scenario.servers.length);
  const source = memorySource();
  for (const { models, service } of tiers) listAtStart(source, service, models);

  const open = (
    service: string,
    own: Pick<MeshOptions, "locality" | "ordinal" | "random">,
    pauses?: readonly (readonly [fromMs: number, toMs: number])[],
  ): Caller => {
    const pausing = pauses === undefined ? undefined : new PausingClock(clock, pauses, begins);
    const onSend = (server: ModelledServer): void => {
      const position = positions.get(server);
      if (position !== undefined) recorder.sent(position, clock.now() - startsAt);
    };
    const { probePath, reportsLoad = false } = scenario;
    const opened = openMesh(
      {
        ...policy.mesh,
        ...own,
        discovery: source,
        services: { [service]: policy.service },
        clock: pausing ?? clock,
      },
      () => new ModelledTransport({ clock, servers: byId, probePath, reportsLoad, onSend, pausing }),
      pausing !== undefined,
    );
    return { ...opened, service, pausing };
  };
  const clients = (scenario.clients ?? [{}]).map(({ locality, ordinal, pauses }, index) =>
    open("simulated", { locality, ordinal, random: seededRandom(mixSeed(seed, 2, index)) }, pauses),
  );
  const behind = servers.flatMap((server, index) => {
    const { calls, locality } = server.model;
    const tier = tiers.find(({ models }) => models === calls);
    if (tier === undefined) return [];
    const caller = open(tier.service, { locality, random: seededRandom(mixSeed(seed, 5, index)) });
    server.callsThrough((answered) => {
      callBehind(caller, answered);
    });
    return [caller];
  });
  const events: SimulatedEvent[] = [];
  for (const [client, { mesh }] of clients.entries()) {
    record(mesh, client, events, () => clock.now() - startsAt);
  }

  const callers = [...clients, ...behind];
  await allReady(clock, callers);
  startsAt = clock.now();
  for (const { models, service } of tiers) listLater(source, service, models, clock, startsAt);
  const traffic = new Traffic(scenario, {
    seed,
    clock,
    recorder,
    onCall,
    asClient: (client, then) => {
      const { pausing } = clients[client]!;
      if (pausing === undefined) then();
      else pausing.call(then);
    },
    send: (client, request, sink) => {
      clients[client]!.engine.send("simulated", request, sink);
    },
  });
  traffic.start();
  await clock.run(() => traffic.isOver);
  const panics = clients.reduce(
    (sum, { mesh }) => sum + (mesh.inspect().services[0]?.balancing.panics ?? 0),
    0,
  );
  let isClosed = false;
  void Promise.all(callers.map(({ mesh }) => mesh.close())).finally(() => {
    isClosed = true;
  });
  await clock.run(() => isClosed);
  return resultOf(scenario, options, recorder, servers, events, panics);
}

const plainRequest: CallRequest = { method: "GET", path: "/", headers: [], body: null };

/** A server calls what stands behind it. */
function callBehind({ engine, service }: Caller, answered: (status: number) => void): void {
  engine.send(service, plainRequest, {
    mode: "whole",
    done: answered,
    fail: () => {
      answered(502);
    },
  });
}

/** Keeps what changes which calls may go where, from the beginning of the scenario on. */
function record(mesh: Mesh, client: number, events: SimulatedEvent[], at: () => number): void {
  for (const type of watched) {
    mesh.on(type, (event) => {
      const atMs = at();
      if (atMs < 0) return;
      const endpoint = "id" in event ? event.id : undefined;
      const reason = "reason" in event ? event.reason : undefined;
      events.push({ atMs, client, type, endpoint, reason });
    });
  }
}

async function allReady(clock: VirtualClock, callers: readonly Caller[]): Promise<void> {
  let waiting = callers.length;
  for (const { mesh, service } of callers) {
    const ready = async (): Promise<void> => {
      await mesh.ready(service);
      waiting--;
    };
    void ready();
  }
  await clock.run(() => waiting === 0);
}

function resultOf(
  scenario: Scenario,
  { policy, seed }: SimulateOptions,
  recorder: Recorder,
  all: readonly ModelledServer[],
  events: readonly SimulatedEvent[],
  panics: number,
): SimulationResult {
  const sorted = recorder.sorted();
  const servers = all.slice(0, scenario.servers.length);
  const sends = servers.reduce((sum, server) => sum + server.sends, 0);
  const loads = servers
    .filter(({ model }) => (model.weight ?? 1) > 0)
    .map((server) => server.sends / (server.model.weight ?? 1));
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return {
    scenario: scenario.name,
    policy: policy.name,
    seed,
    calls: recorder.calls,
    ok: recorder.ok,
    okRatio: recorder.ok / recorder.calls,
    failed: recorder.failed,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    p999Ms: quantile(sorted, 0.999),
    p9999Ms: quantile(sorted, 0.9999),
    sendsPerCall: sends / (recorder.calls * (scenario.fanOut ?? 1)),
    sends: Object.fromEntries(all.map((server) => [server.model.id, server.sends])),
    shares: Object.fromEntries(servers.map((server) => [server.model.id, server.sends / sends])),
    maxOverMean: Math.max(...loads) / mean,
    panics,
    events,
    seconds: recorder.seconds(),
  };
}

function check(scenario: Scenario, { seed }: SimulateOptions): void {
  const positive = { min: 0, max: 1e9, above: true };
  checkNumber(scenario.durationMs ?? NaN, "scenario.durationMs", positive);
  checkCallRate(scenario.callsPerSecond, "scenario.callsPerSecond");
  checkNumber(scenario.limitMs ?? NaN, "scenario.limitMs", positive);
  checkNumber(scenario.fanOut, "scenario.fanOut", { min: 1, max: 1e6, integer: true });
  checkNumber(seed ?? NaN, "seed", { min: 0, max: 2 ** 32 - 1, integer: true });
}
