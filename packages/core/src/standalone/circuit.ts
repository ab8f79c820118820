import { configError } from "../errors.ts";
import type { CircuitMode, CircuitPolicy } from "../policies/circuit/circuit-policy.ts";
import type { CircuitImport, CircuitSnapshot } from "../policies/circuit/circuit-snapshot.ts";
import type { CircuitListener, CircuitView } from "../policies/circuit/circuit-types.ts";
import { Circuit } from "../policies/circuit/circuit.ts";
import { resolveCircuit } from "../policies/circuit/resolve-circuit.ts";
import { commonOptions, judgingKeys } from "./common-options.ts";
import type { CommonOptions } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { Judgement, askedWaitMs } from "./judgement.ts";
import type { Verdict } from "./judgement.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import { circuitError } from "./policy-errors.ts";
import type { JudgingOptions, Policy, PolicyView } from "./policy.ts";
import type { Next, Stage } from "./stage.ts";

/** How long a probe may take where nobody says. */
const probeTimeoutMs = 30_000;

/** What a circuit is made with besides its policy. It is told of changes at once; what it is told must not throw. */
export interface CircuitOptions extends JudgingOptions, CircuitListener {
  /** What another circuit has learnt, by {@link StandaloneCircuit.exportState}; a closed circuit by default. */
  readonly import?: CircuitImport | undefined;
}

/** What a dump shows of a circuit. */
export interface CircuitPolicyView extends CircuitView, PolicyView {}

/** A circuit breaker around functions. */
export interface StandaloneCircuit extends Policy {
  /** @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a mode that does not exist */
  setMode(mode: CircuitMode): void;
  /** Closes it and forgets everything but the mode. */
  reset(): void;
  /** Takes another policy, and keeps what is known. */
  update(policy: CircuitPolicy): void;
  /** What is known, as plain data, for another process to start with. */
  exportState(): CircuitSnapshot;
  inspect(): CircuitPolicyView;
}

/**
 * Stops calling what keeps failing, and finds out by single calls that it works again.
 * @param policy as for a service; `false` for none. A probe may take `probeTimeoutMs`, 30,000 by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function circuit(policy: false, options?: CircuitOptions): Policy;
export function circuit(policy?: CircuitPolicy, options?: CircuitOptions): StandaloneCircuit;
export function circuit(policy?: CircuitPolicy | false, options?: CircuitOptions): Policy | StandaloneCircuit;
export function circuit(
  policy: CircuitPolicy | false = {},
  options: CircuitOptions = {},
): Policy | StandaloneCircuit {
  const { onClose, onHalfOpen, onMode, onOpen } = options;
  const listeners = { onClose, onHalfOpen, onMode, onOpen };
  const common = commonOptions(options, "circuit", [...judgingKeys, ...Object.keys(listeners)], ["import"]);
  const resolved = resolveCircuit(policy, "circuit", probeTimeoutMs);
  if (resolved === false) return offPolicy;
  const { clock, name, random } = common;
  const state = new Circuit({
    policy: resolved,
    random,
    now: clock.now(),
    import: options.import,
    ...(onOpen && { onOpen }),
    ...(onHalfOpen && { onHalfOpen }),
    ...(onClose && { onClose }),
    ...(onMode && { onMode }),
  });
  const stage = new CircuitStage(state, new Judgement(options), common);
  return policyOf<never, Omit<StandaloneCircuit, "execute">>([stage], {
    setMode: (mode) => {
      state.setMode(mode, clock.now());
    },
    reset: () => {
      state.reset(clock.now());
    },
    update: (next) => {
      const checked = resolveCircuit(next, "circuit", probeTimeoutMs);
      if (checked === false) throw configError("circuit", "an object", next);
      state.update(checked, clock.now());
    },
    exportState: () => state.exportState(clock.now()),
    inspect: () => ({ kind: "circuit", name, ...state.inspect(clock.now()) }),
  });
}

class CircuitStage implements Stage {
  readonly clock: CommonOptions["clock"];
  readonly #circuit: Circuit;
  readonly #judgement: Judgement;
  readonly #name: string;

  constructor(state: Circuit, judgement: Judgement, { clock, name }: CommonOptions) {
    this.#circuit = state;
    this.#judgement = judgement;
    this.clock = clock;
    this.#name = name;
  }

  inspect(): CircuitPolicyView {
    return { kind: "circuit", name: this.#name, ...this.#circuit.inspect(this.clock.now()) };
  }

  async run(execution: Execution, next: Next): Promise<unknown> {
    const startedAt = this.clock.now();
    const admission = this.#circuit.admit(startedAt);
    if (!admission.admitted) throw circuitError(this.#name, admission.retryAfterMs);
    let verdict: Verdict = "neutral";
    let retryAfterMs = 0;
    try {
      const result = await next(execution);
      verdict = this.#judgement.ofResult(result);
      return result;
    } catch (error) {
      verdict = this.#judgement.ofError(error, execution);
      if (verdict === "failure") retryAfterMs = askedWaitMs(error);
      throw error;
    } finally {
      const now = this.clock.now();
      this.#circuit.record(admission, verdict, now, now - startedAt, retryAfterMs);
    }
  }
}
