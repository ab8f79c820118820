import type { MeshEventOf } from "@proxyless/core";

import type { Entries, TypesOf } from "./entry.ts";
import { numberless, percent, target, time, when } from "./words.ts";

/** Of circuits, and of policies that come from documents. */
export const policyEntries: Entries<TypesOf<"circuit"> | TypesOf<"policy">> = {
  "circuit.opened": {
    level: "warn",
    same: ({ cause, route }) => `${cause} ${route}`,
    say: (event) => {
      const { enforced, openMs, route, service } = event;
      const refused = enforced
        ? `calls are refused for ${time(openMs)}`
        : "no call is refused (metrics-only)";
      return `circuit of ${target(service, route)} opened: ${causeOf(event)}; ${refused}`;
    },
  },
  "circuit.half_opened": {
    level: "info",
    same: ({ route }) => route,
    say: ({ route, service }) => `circuit of ${target(service, route)} is half open: a few calls may try`,
  },
  "circuit.closed": {
    level: "info",
    same: ({ route }) => route,
    say: ({ route, service }) => `circuit of ${target(service, route)} closed: calls pass again`,
  },
  "circuit.mode_changed": {
    level: "info",
    same: ({ mode, route }) => `${mode} ${route}`,
    say: ({ mode, route, service, state }) =>
      `circuit of ${target(service, route)} was switched to ${mode}; it is ${state}`,
  },
  "policy.applied": {
    level: "info",
    same: ({ version }) => version,
    say: ({ service, version }) => `policy ${version} is in force for ${service}`,
  },
  "policy.refused": {
    level: "error",
    same: ({ field, reason, version }) => `${version} ${field} ${numberless(reason)}`,
    say: ({ field, reason, service, version }) => {
      const which = when(version, (known) => ` ${known}`) + when(service, (name) => ` for ${name}`);
      return `policy document${which} was refused: ${when(field, (path) => `${path}: `)}${reason}`;
    },
  },
};

function causeOf(event: MeshEventOf<"circuit.opened">): string {
  const { calls, failureRatio, slowRatio } = event;
  const causes: Readonly<Record<typeof event.cause, string>> = {
    failures: `${percent(failureRatio)} of ${calls} calls failed`,
    slow: `${percent(slowRatio)} of ${calls} calls were slow`,
    consecutive: "too many calls in a row failed",
    probe: "a probe failed",
    forced: "somebody forced it",
  };
  return causes[event.cause];
}
