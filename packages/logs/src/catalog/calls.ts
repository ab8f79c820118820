import type { AnsweredBy, MeshEventOf } from "@proxyless/core";

import type { Entries, TypesOf } from "./entry.ts";
import { count, target, time, when } from "./words.ts";

/** Of calls and their attempts. What happens with every call is not said unless it is asked for. */
export const callEntries: Entries<
  TypesOf<"call"> | "attempt.completed" | "budget.exhausted" | "fault.injected"
> = {
  "call.completed": {
    level: false,
    same: false,
    say: (event) => {
      const { answeredBy, attempts, durationMs, endpoint, method, path, route, service, template } = event;
      const by = answers[answeredBy ?? "network"];
      const from = attempts > 1 ? `, ${count(attempts, "attempt")}` : "";
      const where = when(endpoint, (address) => ` from ${address}`);
      return `${method} ${template ?? route ?? path} of ${service}: ${ending(event)} after ${time(durationMs)}${where}${by}${from}`;
    },
  },
  "attempt.completed": {
    level: false,
    same: false,
    say: ({ durationMs, endpoint, hedge, number, outcome, reason, service, status }) => {
      const how = reason ?? (status === undefined ? outcome : `status ${status}`);
      return `${hedge ? "hedge" : "attempt"} ${number} of a call to ${service} at ${endpoint}: ${how} after ${time(durationMs)}`;
    },
  },
  "call.retried": {
    level: "debug",
    same: ({ reason }) => reason,
    say: ({ delayMs, endpoint, number, reason, service }) =>
      `a call to ${service} is retried in ${time(delayMs)}: attempt ${number} at ${endpoint} brought ${reason}`,
  },
  "call.hedged": {
    level: "debug",
    same: () => "",
    say: ({ afterMs, endpoint, number, service }) =>
      `a call to ${service} is hedged after ${time(afterMs)}: attempt ${number} goes to ${endpoint}`,
  },
  "call.shed": {
    level: "warn",
    same: ({ criticality, route, why }) => `${why} ${criticality} ${route}`,
    say: ({ criticality, retryAfterMs, route, service, why }) => {
      const later = when(retryAfterMs, (ms) => `; again in ${time(ms)}`);
      return `a ${criticality} call to ${target(service, route)} was refused by this process: ${why}${later}`;
    },
  },
  "call.coalesced": {
    level: false,
    same: ({ error, route, status }) => `${route} ${status} ${error}`,
    say: (event) =>
      `${event.method} of ${target(event.service, event.route)} shared the answer of another call: ${ending(event)} after ${time(event.durationMs)}`,
  },
  "call.cached": {
    level: false,
    same: ({ how, route, status }) => `${how} ${route} ${status}`,
    say: ({ ageMs, how, method, route, service, status }) =>
      `${method} of ${target(service, route)} was answered from the cache (${how}): ${status}, ${time(ageMs)} old`,
  },
  "call.fell_back": {
    level: "warn",
    same: ({ failedError, failedStatus, route, to }) => `${to} ${failedError ?? failedStatus} ${route}`,
    say: ({ failedError, failedStatus, method, route, service, status, to }) =>
      `${method} of ${target(service, route)} failed (${failedError ?? `status ${failedStatus}`}) and was answered by its fallback (${to}): ${status}`,
  },
  "call.fallback_failed": {
    level: "warn",
    same: ({ reason, route, to }) => `${to} ${reason} ${route}`,
    say: ({ method, reason, route, service, to }) =>
      `the fallback (${to}) of ${method} of ${target(service, route)} failed: ${reason}`,
  },
  "budget.exhausted": {
    level: "warn",
    same: () => "",
    say: ({ balance, service }) =>
      `a call to ${service} was not retried: the budget of retries is used up (balance ${balance.toFixed(1)})`,
  },
  "fault.injected": {
    level: "info",
    same: ({ abort, flag, route }) => `${flag} ${abort} ${route}`,
    say: ({ abort, delayMs, endpoint, number, route, service }) => {
      const what = [delayMs > 0 ? `a delay of ${time(delayMs)}` : "", abort ?? ""].filter(
        (one) => one !== "",
      );
      const whose = endpoint === undefined ? "a call" : `attempt ${number} at ${endpoint} of a call`;
      return `injected into ${whose} to ${target(service, route)}: ${what.join(", then ")}`;
    },
  },
};

/** Who answered, where it was not the service. */
const answers: Readonly<Record<AnsweredBy, string>> = {
  network: "",
  cache: " by the cache",
  coalesced: " by another call",
  fallback: " by its fallback",
  fault: " by a fault on purpose",
};

function ending({
  error,
  flag,
  status,
}: Pick<MeshEventOf<"call.completed">, "error" | "flag" | "status">): string {
  if (error === undefined && status !== undefined) return String(status);
  return `${error ?? "given up by the caller"}${when(flag, (short) => ` (${short})`)}`;
}
