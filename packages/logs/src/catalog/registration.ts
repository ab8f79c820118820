import type { Entries, TypesOf } from "./entry.ts";
import { numberless, time } from "./words.ts";

/** Of this process' own instances in registries. */
export const registrationEntries: Entries<TypesOf<"registration">> = {
  "registration.registered": {
    level: "info",
    same: ({ id, registry }) => `${registry} ${id}`,
    say: ({ endpoint, id, registry, service }) =>
      `${registry} has instance ${id} of ${service} at ${endpoint}`,
  },
  "registration.lost": {
    level: "warn",
    same: ({ id, reason, registry }) => `${registry} ${id} ${numberless(reason)}`,
    say: ({ id, reason, registry, service }) =>
      `${registry} may have lost instance ${id} of ${service}, and is told again: ${reason}`,
  },
  "registration.status": {
    level: ({ isHeard }) => (isHeard ? "info" : "warn"),
    same: ({ id, isHeard, note, registry, status }) => `${registry} ${id} ${status} ${note} ${isHeard}`,
    say: ({ id, isHeard, note, registry, service, status }) => {
      const heard = isHeard ? "knows" : "has not heard yet";
      return `${registry} ${heard} that instance ${id} of ${service} is ${status}${note === "" ? "" : ` (${note})`}`;
    },
  },
  "registration.leaving": {
    level: ({ failed }) => (failed === undefined ? "info" : "warn"),
    same: ({ failed, id, registry, step }) => `${registry} ${id} ${step} ${failed}`,
    say: ({ failed, id, reason, registry, service, step }) =>
      `instance ${id} of ${service} leaves ${registry} (${reason}): ${step}${failed === undefined ? "" : `, which failed: ${failed}`}`,
  },
  "registration.left": {
    level: "info",
    same: ({ id, registry }) => `${registry} ${id}`,
    say: ({ durationMs, id, reason, registry, service }) =>
      `instance ${id} of ${service} left ${registry} (${reason}) in ${time(durationMs)}`,
  },
};
