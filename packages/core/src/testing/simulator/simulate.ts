import type { EndpointInput } from "../../discovery/endpoint-input.ts";
import { memorySource } from "../../discovery/memory-source.ts";
import type { CallRequest, WholeSink } from "../../engine/request.ts";
import { configError } from "../../errors.ts";
import { openMesh } from "../../mesh.ts";
import type { Mesh } from "../../mesh.ts";
import { checkNumber } from "../../option-checks.ts";
import { seededRandom } from "../../random.ts";
import { ModelledServer } from "./modelled-server.ts";
import { ModelledTransport } from "./modelled-transport.ts";
import { Recorder, quantile } from "./recorder.ts";
import type { Scenario, ServerModel, SimulatedEvent, SimulatedPolicy, SimulationResult } from "./scenario.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What to simulate. */
export interface SimulateOptions {
  readonly policy: SimulatedPolicy;
  /** A whole number from 0 to 4,294,967,295. */
  readonly seed: number;
}

const service = "simulated";
/** What is still unanswered so long after the last call began is given up. */
const PATIENCE_MS = 120_000;
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

/**
 * Runs a scenario in virtual time: real meshes, with everything they do between a call and a socket, against modelled servers.
 * A minute of a thousand calls per second takes less than a second. Arrivals, servers and clients draw from chances of their own,
 * so that policies with the same seed meet the same calls.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a scenario, a policy or a seed that makes no sense
 */
export async function simulate(scenario: Scenario, options: SimulateOptions): Promise<SimulationResult> {
  check(scenario, options);
  const { policy, seed } = options;
  const clock = new VirtualClock();
  let startsAt = Infinity;
  const begins = (): number => startsAt;
  const servers = scenario.servers.map(
    (model, index) => new ModelledServer(model, clock, seededRandom(mixSeed(seed, 1, index)), begins),
  );
  const byId = new Map(servers.map((server) => [server.model.id, server]));
  const positions = new Map(servers.map((server, index) => [server, index]));
  const recorder = new Recorder(servers.length);
  const events: SimulatedEvent[] = [];
  const source = memorySource();
  source.set(
    service,
    scenario.servers.filter((model) => isPresent(model, 0)).map((model) => endpointOf(model)),
  );

  const clients = scenario.clients ?? [{}];
  const meshes = clients.map(({ locality, ordinal }, index) => {
    const opened = openMesh(
      {
        ...policy.mesh,
        discovery: source,
        services: { [service]: policy.service },
        locality,
        ordinal,
        clock,
        random: seededRandom(mixSeed(seed, 2, index)),
      },
      () =>
        new ModelledTransport({
          clock,
          servers: byId,
          probePath: scenario.probePath,
          reportsLoad: scenario.reportsLoad ?? false,
          onSend: (server) => {
            recorder.sent(positions.get(server)!, clock.now() - startsAt);
          },
        }),
    );
    for (const type of watched) {
      opened.mesh.on(type, (event) => {
        if (startsAt === Infinity) return;
        const endpoint = "id" in event ? event.id : undefined;
        const reason = "reason" in event ? event.reason : undefined;
        events.push({ atMs: clock.now() - startsAt, client: index, type, endpoint, reason });
      });
    }
    return opened;
  });

  await allReady(
    clock,
    meshes.map(({ mesh }) => mesh),
  );
  startsAt = clock.now();
  scheduleMembership(scenario.servers, source, clock, startsAt);
  const traffic = new Traffic(scenario, seed, clock, recorder, (client, request, sink) => {
    meshes[client]!.engine.send(service, request, sink);
  });
  traffic.start();
  await clock.run(() => traffic.isOver);
  const panics = meshes.reduce(
    (sum, { mesh }) => sum + (mesh.inspect().services[0]?.balancing.panics ?? 0),
    0,
  );
  const closing = Promise.all(meshes.map(({ mesh }) => mesh.close()));
  let isClosed = false;
  void closing.finally(() => {
    isClosed = true;
  });
  await clock.run(() => isClosed);
  return resultOf(scenario, options, recorder, servers, events, panics);
}

/** The calls of a scenario, as they come. */
class Traffic {
  readonly #scenario: Scenario;
  readonly #clock: VirtualClock;
  readonly #recorder: Recorder;
  readonly #send: (client: number, request: CallRequest, sink: WholeSink) => void;
  readonly #arrivals: () => number;
  readonly #requests: () => number;
  readonly #startsAt: number;
  readonly #count: number;
  #open = 0;
  #next = 0;
  #isLate = false;

  constructor(
    scenario: Scenario,
    seed: number,
    clock: VirtualClock,
    recorder: Recorder,
    send: (client: number, request: CallRequest, sink: WholeSink) => void,
  ) {
    this.#scenario = scenario;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#send = send;
    this.#arrivals = seededRandom(mixSeed(seed, 3, 0));
    this.#requests = seededRandom(mixSeed(seed, 4, 0));
    this.#startsAt = clock.now();
    this.#count = scenario.clients?.length ?? 1;
  }

  /** No more calls come, and all are answered or given up. */
  get isOver(): boolean {
    return this.#isLate || (this.#open === 0 && this.#next === Infinity);
  }

  start(): void {
    this.#next = this.#startsAt;
    this.#schedule();
    const end = this.#startsAt + this.#scenario.durationMs + PATIENCE_MS;
    this.#clock.at(end, () => {
      this.#isLate = true;
    });
  }

  #schedule(): void {
    const { arrivals = "poisson", callsPerSecond, durationMs } = this.#scenario;
    const mean = 1_000 / callsPerSecond;
    this.#next += arrivals === "even" ? mean : -Math.log(1 - this.#arrivals()) * mean;
    if (this.#next >= this.#startsAt + durationMs) {
      this.#next = Infinity;
      return;
    }
    this.#clock.at(this.#next, () => {
      this.#arrive();
      this.#schedule();
    });
  }

  #arrive(): void {
    const { limitMs, request } = this.#scenario;
    const begunAt = this.#clock.now();
    const begunMs = begunAt - this.#startsAt;
    const given = request?.(this.#requests, this.#recorder.calls) ?? {};
    const client = this.#count === 1 ? 0 : Math.floor(this.#requests() * this.#count);
    this.#recorder.began(begunMs);
    this.#open++;
    const end = (isSuccess: boolean): void => {
      const tookMs = this.#clock.now() - begunAt;
      this.#open--;
      this.#recorder.ended(begunMs, tookMs, isSuccess && tookMs <= limitMs, !isSuccess);
    };
    const { hashKey, method = "GET", path = "/" } = given;
    this.#send(
      client,
      { method, path, headers: [], body: null, hashKey },
      {
        mode: "whole",
        done: (status) => {
          end(status < 400);
        },
        fail: () => {
          end(false);
        },
      },
    );
  }
}

async function allReady(clock: VirtualClock, meshes: readonly Mesh[]): Promise<void> {
  let waiting = meshes.length;
  for (const mesh of meshes) {
    const ready = async (): Promise<void> => {
      await mesh.ready(service);
      waiting--;
    };
    void ready();
  }
  await clock.run(() => waiting === 0);
}

function scheduleMembership(
  models: readonly ServerModel[],
  source: ReturnType<typeof memorySource>,
  clock: VirtualClock,
  startsAt: number,
): void {
  for (const model of models) {
    for (const [fromMs, toMs] of model.present ?? []) {
      if (fromMs > 0) {
        clock.at(
          startsAt + fromMs,
          () => {
            source.add(service, endpointOf(model));
          },
          true,
        );
      }
      if (toMs < Infinity) {
        clock.at(
          startsAt + toMs,
          () => {
            source.remove(service, model.id);
          },
          true,
        );
      }
    }
  }
}

function isPresent({ present }: ServerModel, atMs: number): boolean {
  return present === undefined || present.some(([from, to]) => atMs >= from && atMs < to);
}

function endpointOf({ id, locality, metadata = {}, priority = 0, weight = 1 }: ServerModel): EndpointInput {
  return {
    id,
    host: `${id.replaceAll(/[^A-Za-z0-9-]/g, "-")}.simulated`,
    port: 80,
    weight,
    priority,
    metadata,
    ...(locality === undefined ? undefined : { locality }),
  };
}

function resultOf(
  scenario: Scenario,
  { policy, seed }: SimulateOptions,
  recorder: Recorder,
  servers: readonly ModelledServer[],
  events: readonly SimulatedEvent[],
  panics: number,
): SimulationResult {
  const sorted = recorder.sorted();
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
    sendsPerCall: sends / recorder.calls,
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
  checkNumber(scenario.callsPerSecond ?? NaN, "scenario.callsPerSecond", positive);
  checkNumber(scenario.limitMs ?? NaN, "scenario.limitMs", positive);
  checkNumber(seed ?? NaN, "seed", { min: 0, max: 2 ** 32 - 1, integer: true });
  const ids = new Set(scenario.servers.map(({ id }) => id));
  if (ids.size === 0 || ids.size < scenario.servers.length) {
    throw configError("scenario.servers", "servers, each with an id of its own", scenario.servers.length);
  }
}

/** Seeds of chances that have nothing to do with each other. */
function mixSeed(seed: number, kind: number, index: number): number {
  return (
    (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(kind, 0x85eb_ca77) ^ Math.imul(index + 1, 0xc2b2_ae3d)) >>> 0
  );
}
