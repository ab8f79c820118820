import type { MeshEvent, MeshEventOf, MeshEventType } from "@proxyless/core";

import type { NewsItem } from "./state.ts";

/** An event in words. */
interface NewsText {
  readonly text: string;
  readonly tone: NewsItem["tone"];
  /** What makes events of one type alike; the text where it is left out. */
  readonly kind?: string;
}

/** How often an event may come: with `calls`, or `seldom`; those that are `counted` are no news. */
type Frequency = "calls" | "seldom" | "counted";

type Tellers = {
  readonly [T in MeshEventType]: readonly [Frequency, (event: MeshEventOf<T>) => NewsText];
};

const tellers: Tellers = {
  "call.completed": ["counted", () => plain("")],
  "attempt.completed": ["counted", () => plain("")],
  "call.retried": ["calls", (e) => ({ ...plain(`retried: ${e.reason}`), kind: e.reason })],
  "call.hedged": ["calls", (e) => ({ ...plain(`hedged after ${ms(e.afterMs)}`), kind: "" })],
  "call.shed": ["calls", (e) => bad(`refused before it was sent: ${words(e.why)}${ofRoute(e.route)}`)],
  "budget.exhausted": ["calls", () => bad("retry budget exhausted: no retry, no hedge")],
  "fault.injected": ["calls", (e) => plain(`fault injected${e.abort === undefined ? "" : `: ${e.abort}`}`)],
  "call.coalesced": ["calls", () => plain("shared the answer of an identical call")],
  "call.fell_back": ["calls", (e) => plain(`fell back to ${e.to}${ofRoute(e.route)}`)],
  "call.fallback_failed": ["calls", (e) => bad(`the fallback to ${e.to} failed${ofRoute(e.route)}`)],
  "call.cached": ["calls", (e) => plain(`answered from the cache: ${e.how}`)],
  "circuit.opened": ["seldom", (e) => bad(`circuit opened${ofRoute(e.route)}: ${openedBy(e)}`)],
  "circuit.half_opened": [
    "seldom",
    (e) => plain(`circuit half-open${ofRoute(e.route)}: it lets probes pass`),
  ],
  "circuit.closed": ["seldom", (e) => good(`circuit closed${ofRoute(e.route)}`)],
  "circuit.mode_changed": ["seldom", (e) => plain(`circuit switched to ${e.mode}${ofRoute(e.route)}`)],
  "policy.applied": ["seldom", (e) => plain(`policy ${e.version} in force`)],
  "policy.refused": ["seldom", (e) => bad(`policy refused: ${e.field ?? "the document"}: ${e.reason}`)],
  "balancer.panicked": [
    "seldom",
    (e) => bad(`panic: ${e.healthy} of ${e.endpoints} endpoints are open, closed ones are picked as well`),
  ],
  "endpoint.added": ["seldom", (e) => ({ ...plain(`${e.endpoint} added`), kind: "" })],
  "endpoint.updated": ["seldom", (e) => ({ ...plain(`${e.endpoint} changed`), kind: "" })],
  "endpoint.removed": [
    "seldom",
    (e) => ({ ...plain(`${e.endpoint} removed with ${e.inFlight} in flight`), kind: "" }),
  ],
  "endpoint.drained": ["seldom", (e) => ({ ...plain(`${e.endpoint} drained`), kind: "" })],
  "endpoint.ejected": ["seldom", (e) => bad(`${e.endpoint} ejected for ${ms(e.ejectionMs)}: ${e.reason}`)],
  "endpoint.ejection_skipped": [
    "seldom",
    (e) => plain(`${e.endpoint} not ejected for ${e.reason}: ${notEjected[e.why]}`),
  ],
  "endpoint.returned": ["seldom", (e) => good(`${e.endpoint} is back, by ${e.how}`)],
  "endpoint.health_changed": [
    "seldom",
    (e) => (e.health === "healthy" ? good : bad)(`${e.endpoint} is ${e.health}: ${e.detail}`),
  ],
  "discovery.updated": ["seldom", (e) => plain(`${e.source}: ${changed(e)}${e.endpoints} in all`)],
  "discovery.error": [
    "seldom",
    (e) => bad(`${e.source} fails (${e.class}), ${e.serving} endpoints stay: ${e.message}`),
  ],
  "discovery.recovered": ["seldom", (e) => good(`${e.source} is back after ${ms(e.staleMs)}`)],
  "discovery.protected": [
    "seldom",
    (e) => bad(`${e.source}: ${e.kept} endpoints kept although the registry says ${e.reason}`),
  ],
  "discovery.notice": ["seldom", (e) => plain(`${e.source}, ${e.topic}: ${e.message}`)],
  "discovery.skipped": ["seldom", (e) => bad(`${e.source}: ${e.entries} entries skipped: ${e.reason}`)],
  "registration.registered": ["seldom", (e) => good(`registered as ${e.endpoint} with ${e.registry}`)],
  "registration.lost": ["seldom", (e) => bad(`registration with ${e.registry} lost: ${e.reason}`)],
  "registration.status": ["seldom", (e) => plain(`status ${e.status} with ${e.registry}`)],
  "registration.leaving": ["seldom", (e) => plain(`leaving ${e.registry}: ${e.step}`)],
  "registration.left": ["seldom", (e) => plain(`left ${e.registry}: ${e.reason}`)],
};

/** Events that may come with every call. */
export const frequentTypes: readonly MeshEventType[] = typesOf("calls");

/** Events that come when something changes. */
export const rareTypes: readonly MeshEventType[] = typesOf("seldom");

/** An event in words. */
export function describeEvent(event: MeshEvent): NewsText {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the teller is looked up by the event's own type
  const tell = tellers[event.type][1] as (event: MeshEvent) => NewsText;
  return tell(event);
}

function typesOf(frequency: Frequency): readonly MeshEventType[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of an object literal of that type
  const types = Object.keys(tellers) as MeshEventType[];
  return types.filter((type) => tellers[type][0] === frequency);
}

function openedBy(event: MeshEventOf<"circuit.opened">): string {
  const { calls, cause, failureRatio, openMs, slowRatio } = event;
  if (cause === "forced") return "forced by hand";
  const why =
    cause === "slow"
      ? `${percent(slowRatio)} of ${calls} calls were slow`
      : cause === "probe"
        ? "a probe failed"
        : `${percent(failureRatio)} of ${calls} calls failed`;
  return `${why}; next try in ${ms(openMs)}`;
}

/** Why an endpoint that should be ejected is not. */
const notEjected: Readonly<Record<MeshEventOf<"endpoint.ejection_skipped">["why"], string>> = {
  shadow: "the mode is shadow",
  enforcing: "only a part is enforced",
  limit: "too many are out already",
};

/** What came, went and is another now; nothing where nothing did. */
function changed({ added, removed, updated }: MeshEventOf<"discovery.updated">): string {
  const parts = Object.entries({ added, removed, changed: updated }).filter(([, count]) => count > 0);
  return parts.map(([what, count]) => `${count} ${what}, `).join("");
}

function ofRoute(route: string | undefined): string {
  return route === undefined ? "" : ` (${route})`;
}

function ms(value: number): string {
  if (!Number.isFinite(value)) return "as long as it stands";
  return value < 1000 ? `${Math.round(value)} ms` : `${Number((value / 1000).toPrecision(3))} s`;
}

function percent(ratio: number): string {
  return `${Math.round(100 * ratio)} %`;
}

function words(key: string): string {
  return key.replaceAll("_", " ");
}

function plain(text: string): NewsText {
  return { text, tone: "plain" };
}

function good(text: string): NewsText {
  return { text, tone: "good" };
}

function bad(text: string): NewsText {
  return { text, tone: "bad" };
}
