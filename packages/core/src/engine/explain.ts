import type { PickTrace } from "../balancers/picker.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { PickFlag } from "../events.ts";
import type { BalancingView } from "./balancing-views.ts";
import type { PickExplanation } from "./request.ts";
import type { Upstream } from "./upstream.ts";

/** So many excluded endpoints are named in the sentence; the list has all of them. */
const NAMED = 10;

/** An attempt whose choice is to be explained. */
export interface ExplainedAttempt {
  readonly number: number;
  /** What the balancer compared, the choice first. */
  readonly trace: PickTrace;
  /** Where the call has been before. */
  readonly tried: readonly EndpointState[] | undefined;
}

/** Tells `listener` in words why an attempt went where it did. What it throws is rethrown later. */
export function explainPick(
  listener: ((explanation: PickExplanation) => void) | undefined,
  { endpoints, service }: Upstream,
  view: BalancingView,
  { number: attempt, trace, tried }: ExplainedAttempt,
  now: number,
): void {
  const { flag } = endpoints;
  const compared = trace.map(({ cost, endpoint }) => ({ endpoint: endpoint.address, cost }));
  const chosen = trace[0]?.endpoint;
  const excluded = Array.from(endpoints, (endpoint) => {
    const reasons = endpoints.reasonsOf(endpoint, view, now).map(({ text }) => text);
    const isTried = endpoint !== chosen && tried?.includes(endpoint) === true;
    return { endpoint: endpoint.address, reasons: isTried ? [...reasons, "tried already"] : reasons };
  }).filter(({ reasons }) => reasons.length > 0);
  const picked = chosen?.address ?? "";
  const named = excluded
    .slice(0, NAMED)
    .map(({ endpoint, reasons }) => `; ${endpoint}: ${reasons.join(", ")}`);
  const rest = excluded.length > NAMED ? `; and ${excluded.length - NAMED} more` : "";
  const how = `${words[flag]}${comparison(flag, view.balancer.name, compared)}`;
  const text = `attempt ${attempt} of ${service}: picked ${picked} (${how})${named.join("")}${rest}`;
  try {
    listener?.({ service, attempt, flag, picked, compared, excluded, text });
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The costs that were compared. Balancers that go by turns, chance or keys compare none. */
function comparison(flag: PickFlag, balancer: string, compared: PickExplanation["compared"]): string {
  if (flag !== "LB" && flag !== "PA") return "";
  if (compared.every(({ cost }) => cost === 0)) return ` by ${balancer}, which compares no costs`;
  return `: ${compared.map(({ cost, endpoint }) => `${endpoint} cost ${cost.toPrecision(3)}`).join(" vs ")}`;
}

const words: Readonly<Record<PickFlag, string>> = {
  LB: "balanced",
  PR: "probe",
  PA: "panic",
  SS: "session",
  OH: "asked for",
};
