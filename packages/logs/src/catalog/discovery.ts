import type { Entries, TypesOf } from "./entry.ts";
import { count, numberless, time } from "./words.ts";

/** Of discovery. What time mends is a warning; what somebody must mend is an error. */
export const discoveryEntries: Entries<TypesOf<"discovery">> = {
  "discovery.updated": {
    level: "info",
    same: ({ added, endpoints, from, removed, source, updated }) =>
      `${source} ${from} ${endpoints} ${added} ${updated} ${removed}`,
    say: ({ added, endpoints, from, removed, service, source, updated }) => {
      const origin = from === "live" ? source : `${source}, ${from}`;
      return `${service} has ${count(endpoints, "endpoint")} (${added} added, ${updated} updated, ${removed} removed; ${origin})`;
    },
  },
  "discovery.error": {
    level: (event) => (event.class === "auth" || event.class === "config" ? "error" : "warn"),
    same: (event) => `${event.source} ${event.class} ${numberless(event.message)}`,
    say: ({ message, service, serving, source, ...event }) =>
      `discovery of ${service} by ${source} is in trouble (${event.class}), ${count(serving, "endpoint")} still in use: ${message}`,
  },
  "discovery.recovered": {
    level: "info",
    same: ({ source }) => source,
    say: ({ service, source, staleMs }) =>
      `discovery of ${service} by ${source} works again, after ${time(staleMs)}`,
  },
  "discovery.protected": {
    level: "warn",
    same: ({ reason, source }) => `${source} ${reason}`,
    say: ({ holdMs, kept, reason, service, source }) =>
      `${count(kept, "endpoint")} of ${service} kept for ${time(holdMs)} although ${source} has them no more (${reason})`,
  },
  "discovery.notice": {
    level: "info",
    same: ({ message, source, topic }) => `${source} ${topic} ${numberless(message)}`,
    say: ({ message, service, source, topic }) => `${source} says of ${service} (${topic}): ${message}`,
  },
  "discovery.skipped": {
    level: "warn",
    same: ({ reason, source }) => `${source} ${numberless(reason)}`,
    say: ({ entries, reason, service, source }) =>
      `${entries} of the entries of ${service} in ${source} left out: ${reason}`,
  },
};
