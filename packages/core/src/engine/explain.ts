import type { PickTrace } from "../balancers/picker.ts";
import type { PickFlag } from "../events.ts";
import type { BalancingView } from "./balancing-views.ts";
import type { PickExplanation } from "./request.ts";
import type { Upstream } from "./upstream.ts";

/** So many excluded endpoints are named in the sentence; the list has all of them. */
const NAMED = 10;

/** Tells `listener` in words why an attempt goes to the first endpoint of `trace`. What it throws is rethrown later. */
export function explainPick(
  listener: ((explanation: PickExplanation) => void) | undefined,
  { endpoints, service }: Upstream,
  view: BalancingView,
  attempt: number,
  trace: PickTrace,
  now: number,
): void {
  const { flag } = endpoints;
  const compared = trace.map(({ cost, endpoint }) => ({ endpoint: endpoint.address, cost }));
  const excluded = Array.from(endpoints, (endpoint) => ({
    endpoint: endpoint.address,
    reasons: endpoints.reasonsOf(endpoint, view, now).map(({ text }) => text),
  })).filter(({ reasons }) => reasons.length > 0);
  const picked = compared[0]?.endpoint ?? "";
  const costs = compared.map(({ endpoint, cost }) => `${endpoint} cost ${cost.toPrecision(3)}`).join(" vs ");
  const named = excluded
    .slice(0, NAMED)
    .map(({ endpoint, reasons }) => `; ${endpoint}: ${reasons.join(", ")}`);
  const rest = excluded.length > NAMED ? `; and ${excluded.length - NAMED} more` : "";
  const text = `attempt ${attempt} of ${service}: picked ${picked} (${words[flag]}: ${costs})${named.join("")}${rest}`;
  try {
    listener?.({ service, attempt, flag, picked, compared, excluded, text });
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

const words: Readonly<Record<PickFlag, string>> = {
  LB: "balanced",
  PR: "probe",
  PA: "panic",
  SS: "session",
  OH: "asked for",
};
