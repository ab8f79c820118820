import type { Instrument } from "@proxyless/metrics";

type Name = "workers" | "ended" | "late" | "skipped";

/** Instruments of the cluster itself. */
export const definitions: Readonly<Record<Name, Instrument>> = {
  workers: {
    name: "proxyless.cluster.workers",
    kind: "updowncounter",
    unit: "{worker}",
    description: "Workers, by whether they answered in time.",
    attributes: ["proxyless.worker.state"],
  },
  ended: {
    name: "proxyless.cluster.workers.ended",
    kind: "counter",
    unit: "{worker}",
    description: "Workers that have ended.",
    attributes: [],
  },
  late: {
    name: "proxyless.cluster.answers.late",
    kind: "counter",
    unit: "{answer}",
    description: "Answers that were not there before the deadline.",
    attributes: [],
  },
  skipped: {
    name: "proxyless.cluster.answers.skipped",
    kind: "counter",
    unit: "{answer}",
    description: "Answers of which something made no sense and was left out.",
    attributes: [],
  },
};
