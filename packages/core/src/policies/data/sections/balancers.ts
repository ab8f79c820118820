import type { Field, GroupField } from "../field.ts";
import { choice, count, dayMs, flag, hourMs, number, text, tokenPattern } from "./ranges.ts";

const plainName = "^[^\\s&=#\\{\\}/]{1,256}$";
const hashPart = (name: string, field: Field): GroupField => ({
  kind: "group",
  description: `A ${name} of the request.`,
  required: [name],
  fields: { [name]: field, terminal: flag("Where this was found, what follows is not looked at.", false) },
});

const hashOn: Field = {
  kind: "list",
  description: "What of a request is hashed, where the call has no hashKey of its own.",
  default: [],
  maxItems: 16,
  of: {
    kind: "union",
    description: "A part of the request.",
    of: [
      hashPart("header", text("Name of a header, in any case.", tokenPattern)),
      hashPart("cookie", text("Name of a cookie.", tokenPattern)),
      hashPart("query", text("Name of a query parameter.", plainName)),
      hashPart("pathParameter", text("Name of a parameter of the path's template.", plainName)),
    ],
  },
};

const boundedLoad: Field = {
  kind: "group",
  description: "Passes over endpoints that have more than their share of the requests in flight.",
  fields: { factor: number("By this factor more.", 1, 10, { above: true, default: 1.25 }) },
};

const balancers: Readonly<Record<string, Omit<GroupField, "kind" | "description">>> = {
  "success-aware-ewma": { fields: {} },
  "least-request": {
    fields: {
      choices: {
        kind: "union",
        description: "How many are drawn and compared, or all of them.",
        default: 2,
        of: [count("So many.", 2, 10), choice("Every one.", ["all"])],
      },
    },
  },
  "least-response-time": { fields: {} },
  "peak-ewma": {
    fields: { decayMs: number("Time constant of the decay.", 100, hourMs, { default: 10_000 }) },
  },
  "round-robin": { fields: {} },
  random: { fields: {} },
  "weighted-round-robin": { fields: {} },
  "weighted-random": { fields: {} },
  "client-side-weighted-round-robin": {
    fields: {
      blackoutPeriodMs: number(
        "How long an endpoint must have reported before its weight is used.",
        0,
        hourMs,
        {
          default: 10_000,
        },
      ),
      weightExpirationPeriodMs: number("A weight not renewed for so long is forgotten.", 0, dayMs, {
        default: 180_000,
      }),
      weightUpdatePeriodMs: number("How often weights are worked out.", 100, hourMs, { default: 1_000 }),
      errorUtilizationPenalty: number("How much an error counts as load.", 0, 1_000, { default: 1 }),
      metricNamesForComputingUtilization: {
        kind: "list",
        description: "Metrics of the report that stand for utilisation.",
        default: [],
        of: text("The name of a metric.", "^[^]+$"),
      },
    },
  },
  prequal: {
    required: ["probePath"],
    fields: {
      probePath: text("Where endpoints tell their load.", "^/[!-~]*$"),
      probesPerCall: number("Probes for each call.", 0, 10, { default: 3 }),
      poolSize: count("Answers that are remembered.", 2, 256, { default: 16 }),
      removalsPerCall: number("Answers that are dropped for each call.", 0, 10, { default: 1 }),
      maxAgeMs: number("Answers older than this are not used.", 10, 60_000, { default: 1_000 }),
      timeoutMs: number("How long a probe may take.", 1, 60_000, { default: 100 }),
      rifQuantile: number("Endpoints above this quantile of requests in flight are busy.", 0, 1, {
        default: 0.84,
      }),
    },
  },
  "ring-hash": {
    order: [["minRingSize", "maxRingSize"]],
    fields: {
      hashOn,
      minRingSize: count("The least number of points on the ring; 1,024 by default.", 1, 8_388_608),
      maxRingSize: count("The largest number of points; 65,536 by default.", 1, 8_388_608),
      boundedLoad,
    },
  },
  maglev: {
    fields: {
      hashOn,
      tableSize: count("How many slots the table has.", 2, 5_000_011, {
        default: 65_537,
        check: "a prime",
        examples: [251, 5_003, 65_537, 655_373],
      }),
      boundedLoad,
    },
  },
};

/** Who chooses the endpoints. */
export const balancer: Field = {
  kind: "union",
  description: "Who chooses: a name, or a policy told apart by type. In code also a balancer of your own.",
  of: [
    choice(
      "A balancer with every default.",
      Object.keys(balancers).filter((name) => balancers[name]?.required === undefined),
    ),
    ...Object.entries(balancers).map(([name, rest]) => named(name, rest)),
    { kind: "code", description: "A balancer of your own." },
  ],
};

function named(name: string, rest: Omit<GroupField, "kind" | "description">): GroupField {
  return {
    kind: "group",
    description: `The balancer ${name}.`,
    ...rest,
    required: ["type", ...(rest.required ?? [])],
    fields: { type: choice("Its name.", [name]), ...rest.fields },
  };
}
