import type { Field, GroupField, Json, Section } from "../field.ts";
import { balancer } from "./balancers.ts";
import { anyCase, choice, count, dayMs, flag, hourMs, number, text, tokenPattern } from "./ranges.ts";

const million = 1_000_000;
const enforcing = (standard = 100): Field =>
  number("The share of findings that eject, in percent; the others are only reported.", 0, 100, {
    default: standard,
  });
const some = (description: string, standard: number, min = 1): Field =>
  count(description, min, million, { default: standard });
const detector = (description: string, fields: GroupField["fields"]): GroupField => ({
  kind: "group",
  description,
  off: true,
  fields,
});
const ratio = (standard: number): Field =>
  number("Slow is longer than this many times what is typical.", 1, 1_000, {
    above: true,
    default: standard,
  });
const byMs: Field = number("And by at least so many milliseconds.", 0, hourMs, { default: 5 });

const outlierDetection: GroupField = {
  kind: "group",
  description: "When an endpoint is taken out because of how it answers.",
  off: true,
  fields: {
    mode: choice("shadow reports what would be ejected and ejects nothing.", ["enforce", "shadow"], {
      default: "enforce",
    }),
    intervalMs: number("How often the detectors that compare endpoints look.", 100, hourMs, {
      default: 10_000,
    }),
    baseEjectionMs: number("The n-th ejection in a row lasts n times this long.", 1, dayMs, {
      default: 30_000,
    }),
    maxEjectionMs: number("No ejection lasts longer.", 1, dayMs, { default: 300_000 }),
    maxEjectionPercent: number("The share of endpoints that may be out at once, in percent.", 0, 100, {
      default: 50,
    }),
    splitExternalLocalOriginErrors: flag(
      "Failures to connect, resets and timeouts count by themselves.",
      false,
    ),
    consecutive5xx: detector("So many bad answers in a row.", {
      count: some("So many.", 5),
      enforcing: enforcing(),
    }),
    consecutiveGatewayFailure: detector("502, 503 and 504 in a row.", {
      count: some("So many.", 5),
      enforcing: enforcing(0),
    }),
    consecutiveLocalOriginFailure: detector("Failures without an answer in a row, in split mode.", {
      count: some("So many.", 5),
      enforcing: enforcing(),
    }),
    consecutiveSlow: detector("So many slow answers in a row, while the peers are not slow.", {
      count: some("So many.", 10),
      ratio: ratio(5),
      minimumDifferenceMs: byMs,
      enforcing: enforcing(),
    }),
    successRate: detector("Fewer successes than the peers have.", {
      minimumHosts: some("Fewer endpoints are not compared.", 5, 2),
      requestVolume: some("Requests that make an endpoint count.", 100),
      stdevFactor: number("Ejects below the mean minus so many standard deviations.", 0, 10, {
        default: 1.9,
      }),
      minimumDifference: number("And by at least so many percentage points.", 0, 100, { default: 5 }),
      enforcing: enforcing(),
    }),
    failurePercentage: detector("Too many failures, whatever the peers do.", {
      threshold: number("Percent of requests from which on an endpoint is ejected.", 0, 100, {
        above: true,
        default: 85,
      }),
      minimumHosts: some("Fewer endpoints are not looked at.", 5),
      requestVolume: some("Requests that make an endpoint count.", 50),
      enforcing: enforcing(),
    }),
    latency: detector("Slower than the peers, by medians.", {
      ratio: ratio(2),
      minimumDifferenceMs: byMs,
      minimumHosts: some("Fewer endpoints are not compared.", 3, 2),
      requestVolume: some("Answers that make an endpoint count.", 15),
      intervals: count("In so many intervals running.", 1, 100, { default: 2 }),
      enforcing: enforcing(),
    }),
    halfOpen: {
      kind: "group",
      description: "How an ejected endpoint comes back.",
      fields: {
        probes: count("Probes in flight at once.", 1, 100, { default: 1 }),
        failures: count("Failed probes that eject it again.", 1, 100, { default: 1 }),
        successes: count("Probes that must go well.", 1, 100, { default: 2 }),
        intervalMs: number("Between the starts of two probes.", 0, hourMs, { default: 200 }),
        earlyEvery: count("One call in so many looks ahead of time; 0 for none.", 0, 1_000_000_000, {
          default: 2_000,
        }),
        leaseMs: number("A probe without a result after this counts as failed.", 1, hourMs, {
          default: 30_000,
        }),
      },
    },
    honorRetryAfter: flag(
      "An endpoint that answers 429 or 503 with Retry-After is left alone that long.",
      true,
    ),
    successfulHealthCheckUnejects: flag("A health check that goes well ends an ejection.", true),
  },
};

const checks: GroupField["fields"] = {
  intervalMs: number("From one check to the next.", 100, hourMs, { default: 10_000 }),
  unhealthyIntervalMs: number(
    "The same while it is unhealthy; a fifth of intervalMs by default.",
    100,
    hourMs,
  ),
  jitter: number("How much of an interval is left to chance.", 0, 1, { default: 0.1 }),
  timeoutMs: number("How long a check may take.", 1, 600_000, { default: 1_000 }),
  unhealthyThreshold: count("Failed checks in a row that make it unhealthy.", 1, 100, { default: 3 }),
  healthyThreshold: count("Good checks in a row that make it healthy again.", 1, 100, { default: 2 }),
};
const check = (type: string, description: string, fields: GroupField["fields"] = {}): GroupField => ({
  kind: "group",
  description,
  required: ["type"],
  fields: { type: choice("Its kind.", [type]), ...fields, ...checks },
});

const healthCheck: Field = {
  kind: "union",
  description: "How endpoints are asked whether they are well.",
  default: false,
  off: true,
  of: [
    check("http", "A request.", {
      path: text("What is requested.", "^/[!-~]*$", { default: "/health" }),
      method: choice("With this method.", ["GET", "HEAD"], { default: "GET" }),
      expectedStatuses: {
        kind: "list",
        description: "Statuses of a healthy endpoint.",
        default: [200],
        minItems: 1,
        of: count("A status.", 100, 599),
      },
    }),
    check("tcp", "That a connection can be opened."),
    check("grpc", "grpc.health.v1.Health/Check.", { service: text("Which service is asked about.") }),
  ],
};

const byZone = (description: string): Field => ({
  kind: "map",
  description,
  minEntries: 1,
  check: "above 0 for one zone at least",
  examples: [{ "zone-a": 1 }, { "zone-a": 0.5, "zone-b": 2 }],
  of: number("Its share.", 0, million),
});

const locality: Field = {
  kind: "union",
  description: "How much endpoints near the caller are preferred; zone-aware where the mesh knows its zone.",
  off: true,
  of: [
    {
      kind: "group",
      description: "Calls stay in the caller's zone as far as it can take them.",
      fields: {
        mode: choice("The default.", ["zone-aware"]),
        minimumEndpoints: count("Below so many endpoints zones are ignored.", 0, million, { default: 6 }),
        callers: byZone("The share of all callers of this service that run in each zone."),
      },
    },
    {
      kind: "group",
      description: "Each zone has a share in proportion to its weight.",
      required: ["mode", "weights"],
      fields: { mode: choice("By weight.", ["weighted"]), weights: byZone("By zone.") },
    },
    {
      kind: "group",
      description: "The nearest locality takes everything as long as it is healthy enough.",
      required: ["mode"],
      fields: {
        mode: choice("By distance.", ["failover"]),
        order: {
          kind: "list",
          description: "Regions or zones in the order of preference.",
          of: text("A region or zone.", "^[^]+$"),
        },
      },
    },
  ],
};

const subset: GroupField = {
  kind: "group",
  description: "Of how many endpoints this process uses some only.",
  off: true,
  fields: {
    type: choice("aperture where the mesh has an ordinal, else rendezvous.", ["rendezvous", "aperture"], {
      check: "an ordinal of the mesh, for aperture",
    }),
    size: count("Endpoints of each priority that are used.", 1, million, { default: 64 }),
  },
};

const slowStart: GroupField = {
  kind: "group",
  description: "How an endpoint that is new, or back, gets to its full share.",
  default: false,
  off: true,
  requiredAlone: ["windowMs"],
  fields: {
    windowMs: number("How long it takes.", 1_000, hourMs),
    aggression: number("1 grows evenly; more begins faster, less slower.", 0.1, 10, { default: 1 }),
    minWeightPercent: number("Of its weight, that it has at the least.", 0, 100, {
      above: true,
      default: 10,
    }),
  },
};

const statefulSession: GroupField = {
  kind: "group",
  description: "Keeps a client on one endpoint by a cookie.",
  default: false,
  off: true,
  requiredAlone: ["cookie"],
  fields: {
    cookie: {
      kind: "group",
      description: "The cookie of a session.",
      requiredAlone: ["name"],
      fields: {
        name: text("Its name.", tokenPattern),
        path: text("The paths it is for.", "^/[!-:<-~]{0,1023}$", { default: "/" }),
        ttlMs: number("How long clients keep it; 0 for as long as the client runs.", 0, 31_536_000_000, {
          default: 0,
        }),
      },
    },
    strict: flag("The call fails where its session's endpoint cannot be had.", false),
  },
};

const reserved = [
  "host",
  "connection",
  "content-length",
  "content-type",
  "transfer-encoding",
  "authorization",
  "cookie",
];
const overrideHost: GroupField = {
  kind: "group",
  description: "Lets a header name the endpoint.",
  default: false,
  off: true,
  fields: {
    header: text(
      "Its name, in any case.",
      `^(?!(?:${reserved.map(anyCase).join("|")})$)${tokenPattern.slice(1)}`,
      {
        default: "x-proxyless-endpoint",
      },
    ),
  },
};

const endpoints: GroupField = {
  kind: "group",
  description: "Which endpoints are meant, by what the registry says of them.",
  requiredAlone: ["metadata"],
  fields: {
    metadata: {
      kind: "map",
      description: "What the endpoint's metadata must say: each key one of the given values.",
      minEntries: 1,
      of: {
        kind: "union",
        description: "A value, or several.",
        of: [text("A value."), { kind: "list", description: "Several.", minItems: 1, of: text("A value.") }],
      },
    },
    fallback: choice("Where no endpoint does.", ["none", "any"], { default: "none" }),
  },
};

/** Failover must be able to find out who is dead. */
const failoverRule: Json = {
  if: {
    required: ["locality"],
    properties: {
      locality: { type: "object", required: ["mode"], properties: { mode: { const: "failover" } } },
    },
  },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: {
    anyOf: [
      { required: ["healthCheck"], properties: { healthCheck: { type: "object" } } },
      {
        properties: {
          outlierDetection: { type: "object", properties: { mode: { const: "enforce" } } },
          preset: { not: { const: "none" } },
        },
      },
    ],
  },
};

/** How endpoints are chosen. */
export const choiceSections: readonly Section[] = [
  { key: "balancer", of: "both", field: balancer, merge: "whole", isRestated: true },
  {
    key: "streaming",
    of: "both",
    field: flag("Answers take as long as they like; their duration says nothing of the endpoint.", false),
  },
  { key: "endpoints", of: "both", field: endpoints, merge: "whole", isRestated: true },
  { key: "outlierDetection", of: "service", field: outlierDetection, isRestated: true },
  { key: "healthCheck", of: "service", field: healthCheck, merge: "whole", isRestated: true },
  { key: "slowStart", of: "service", field: slowStart },
  {
    key: "locality",
    of: "service",
    field: locality,
    merge: "whole",
    isRestated: true,
    rulesAlone: [failoverRule],
  },
  { key: "subset", of: "service", field: subset },
  {
    key: "panicThreshold",
    of: "service",
    field: number("Below this share of open endpoints, in percent, closed ones are picked as well.", 0, 100, {
      default: 50,
    }),
    isRestated: true,
  },
  { key: "statefulSession", of: "service", field: statefulSession },
  { key: "overrideHost", of: "service", field: overrideHost },
];
