import type { EndpointState, Point, ServiceState } from "../state.ts";
import type { Store } from "./store.ts";

/** How well something is: by it, colours and signs are chosen. */
export type Tone = "good" | "warn" | "bad" | "plain";

/** A state in a word, and how it is meant. */
export interface Verdict {
  readonly word: string;
  readonly tone: Tone;
}

/** Reasons that say that an endpoint is ill; the others are choices. */
const illnesses = new Set(["ejected", "probing", "unhealthy", "health check", "retry-after"]);

/** Whether an endpoint gets calls; if not, the first reason. */
export function judgeEndpoint({ gate }: EndpointState): Verdict {
  const [reason] = gate;
  if (reason === undefined) return { word: "open", tone: "good" };
  return { word: reason.kind, tone: illnesses.has(reason.kind) ? "bad" : "warn" };
}

/** How a circuit stands. */
export function judgeCircuit(state: string, mode: string): Verdict {
  const word = state.replace("_", "-");
  const forced = mode === "auto" ? "" : `, ${mode.replace("-", " ")}`;
  const tone = state === "open" ? "bad" : state === "half_open" ? "warn" : "good";
  return { word: `${word}${forced}`, tone: mode === "metrics-only" && tone === "bad" ? "warn" : tone };
}

/** The worst that is known of a service. */
export function judgeService(service: ServiceState, latest: Point | undefined): Verdict {
  if (service.circuits.some(({ mode, state }) => state === "open" && mode !== "metrics-only")) {
    return { word: "circuit open", tone: "bad" };
  }
  if (service.panic) return { word: "panic", tone: "bad" };
  if (service.status === "absent") return { word: "not found", tone: "bad" };
  if (service.circuits.some(({ state }) => state === "half_open"))
    return { word: "circuit half-open", tone: "warn" };
  if (latest !== undefined && latest.failed > 0.05 * latest.rate) return { word: "failing", tone: "bad" };
  if (service.ejected > 0) return { word: `${service.ejected} ejected`, tone: "warn" };
  if (service.stale || service.trouble !== undefined) return { word: "registry in trouble", tone: "warn" };
  if (service.status === "pending") return { word: "looked up", tone: "plain" };
  return { word: "healthy", tone: "good" };
}

const badness: Readonly<Record<Tone, number>> = { bad: 2, warn: 1, plain: 0, good: 0 };

/** The service that fares worst; of those that fare alike the first. */
export function worstService(store: Store): string | undefined {
  const ranked = Object.entries(store.state.services).map(([name, service]) => {
    return { name, badness: badness[judgeService(service, store.points(name).at(-1)).tone] };
  });
  ranked.sort((a, b) => b.badness - a.badness || (a.name < b.name ? -1 : 1));
  return ranked[0]?.name;
}

/** How many endpoints there are of each tone, the worst last. */
export function countTones(service: ServiceState): Readonly<Record<Tone, number>> {
  const tones = { good: 0, warn: 0, bad: 0, plain: 0 };
  for (const endpoint of Object.values(service.endpoints)) tones[judgeEndpoint(endpoint).tone]++;
  return tones;
}
