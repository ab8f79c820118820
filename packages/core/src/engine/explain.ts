import type { PickTrace } from "../balancers/picker.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { PickFlag } from "../events.ts";
import type { PickExplanation } from "./request.ts";

/** Tells `listener` in words why an attempt goes to the first endpoint of `trace`. What it throws is rethrown later. */
export function explainPick(
  listener: ((explanation: PickExplanation) => void) | undefined,
  service: string,
  attempt: number,
  flag: PickFlag,
  trace: PickTrace,
  endpoints: Iterable<EndpointState>,
): void {
  const compared = trace.map(({ endpoint, cost }) => ({ endpoint: endpoint.address, cost }));
  const excluded = [...endpoints]
    .filter((endpoint) => endpoint.gate.length > 0)
    .map((endpoint) => ({ endpoint: endpoint.address, reasons: [...endpoint.gate] }));
  const picked = compared[0]?.endpoint ?? "";
  const costs = compared.map(({ endpoint, cost }) => `${endpoint} cost ${cost.toPrecision(3)}`).join(" vs ");
  const out = excluded.map(({ endpoint, reasons }) => `; ${endpoint}: ${reasons.join(", ")}`).join("");
  const text = `attempt ${attempt} of ${service}: picked ${picked} (${words[flag]}: ${costs})${out}`;
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
