import type { ResolvedCircuit } from "../policies/circuit/circuit-policy.ts";
import { Circuit } from "../policies/circuit/circuit.ts";
import { Hedging } from "../policies/hedge/hedging.ts";
import type { ResolvedLimits } from "../policies/limit/limits-policy.ts";
import { Limits } from "../policies/limit/limits.ts";
import type { ResolvedPolicy, ResolvedRoute } from "../policies/policy.ts";
import { RetryBudget } from "../policies/retry/retry-budget.ts";
import { seededRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { Agenda } from "./agenda.ts";
import { reportDryRun, Tally } from "./dry-run-report.ts";
import type { DryRunReport } from "./dry-run-report.ts";
import type { CallOutcome } from "./outcome-log.ts";
import { ReplayedCall } from "./replayed-call.ts";
import type { Replay, ReplayRules } from "./replayed-call.ts";

/**
 * Answers what a policy would have done to calls that are over: replays them against the real circuits, limits, budget and retry
 * decisions, in time that passes at once. Chance is seeded, so the same record and policy give the same answer.
 * @param policy checked
 */
export function dryRun(service: string, calls: readonly CallOutcome[], policy: ResolvedPolicy): DryRunReport {
  const start = calls[0]?.at ?? 0;
  const replay = new PolicyReplay(policy, start);
  for (const call of calls) replay.enter(call);
  replay.agenda.run();
  return reportDryRun(service, calls, replay.tally);
}

class PolicyReplay implements Replay {
  readonly agenda: Agenda;
  readonly tally: Tally = new Tally();
  readonly random: Random = seededRandom(1);
  readonly budget: RetryBudget;
  readonly #start: number;
  readonly #service: ReplayRules;
  readonly #routes: ReadonlyMap<string, ReplayRules>;

  constructor(policy: ResolvedPolicy, start: number) {
    this.agenda = new Agenda(start);
    this.#start = start;
    this.budget = new RetryBudget(policy.budget, start);
    const circuit = this.#circuit(policy.circuit, undefined);
    const limits = this.#limits(policy.limits);
    this.#service = { ...this.#numbersOf(policy), circuits: circuit, limits };
    // Of routes that differ in method alone the record does not say which; the first stands for all.
    const routes = new Map<string, ReplayRules>();
    for (const route of policy.routes) {
      if (routes.has(route.match.path)) continue;
      routes.set(route.match.path, {
        ...this.#numbersOf(route),
        circuits: [
          ...(route.serviceCircuit ? circuit : []),
          ...this.#circuit(route.circuit, route.match.path),
        ],
        limits: route.limits === undefined ? limits : this.#limits(route.limits),
      });
    }
    this.#routes = routes;
  }

  /** Has a call begin when it did. */
  enter(call: CallOutcome): void {
    const rules = (call.route === undefined ? undefined : this.#routes.get(call.route)) ?? this.#service;
    this.agenda.at(call.at, () => {
      new ReplayedCall(this, rules, call).start();
    });
  }

  #numbersOf({
    around,
    hedge,
    retry,
    timeout,
  }: ResolvedPolicy | ResolvedRoute): Pick<ReplayRules, "hedging" | "retry" | "timeout"> {
    this.tally.hasLayers ||= Object.values(around).some((layer) => layer !== false);
    if (retry !== false) {
      this.tally.readsHeaders ||= retry.on.includes("retriable-headers");
      this.tally.classifies ||= retry.classify !== undefined;
    }
    return {
      timeout,
      retry: retry === false ? false : { ...retry, classify: undefined },
      hedging: hedge === false ? undefined : new Hedging(hedge, this.#start),
    };
  }

  #circuit(policy: ResolvedCircuit | false, route: string | undefined): readonly Circuit[] {
    if (policy === false) return [];
    return [
      new Circuit({
        policy,
        random: this.random,
        now: this.#start,
        onOpen: ({ cause }) => {
          this.tally.opens.push({ route, afterMs: this.agenda.now() - this.#start, cause });
        },
      }),
    ];
  }

  #limits(policy: ResolvedLimits): Limits | undefined {
    this.tally.hasKeys ||= policy.rateLimit !== false && policy.rateLimit.perKey;
    this.tally.learns ||= policy.adaptiveConcurrency !== false;
    const isOff = Object.values(policy).every((part) => part === false);
    return isOff ? undefined : new Limits(policy, { clock: this.agenda, random: this.random });
  }
}
