import { criticalities } from "../../../context/criticality.ts";
import type { GroupField, Section } from "../field.ts";
import { choice, count, flag, hourMs, maxTimerMs, number, timer } from "./ranges.ts";

const bulkhead: GroupField = {
  kind: "group",
  description: "How many calls may be in flight at once. Not together with adaptiveConcurrency.",
  default: false,
  off: true,
  requiredAlone: ["maxConcurrent"],
  needs: [{ field: "queueTimeoutMs", of: "maxQueue" }],
  fields: {
    maxConcurrent: count("Calls in flight at once.", 1, 1_000_000),
    maxQueue: count("Calls that wait for one of those to end.", 0, 1_000_000, { default: 0 }),
    queueTimeoutMs: number("How long a call waits at most.", 1, maxTimerMs, { default: 1_000 }),
  },
};

const rateLimit: GroupField = {
  kind: "group",
  description: "How many calls may begin per second: a token bucket, or one for each key.",
  default: false,
  off: true,
  requiredAlone: ["tokensPerSecond"],
  needs: [{ field: "maxKeys", of: "perKey" }],
  fields: {
    tokensPerSecond: number("Tokens that come per second, and a call takes one.", 0, 1_000_000, {
      above: true,
    }),
    burst: number("Tokens that are kept for later; what comes in a second by default.", 1, 1_000_000),
    perKey: flag("Every key of calls has a bucket of its own.", false),
    maxKeys: count("Buckets kept at most.", 1, 1_000_000, { default: 10_000 }),
    maxWaitMs: number("A call waits for its token if that takes no longer than this.", 0, hourMs, {
      default: 0,
    }),
  },
};

const adaptiveConcurrency: GroupField = {
  kind: "group",
  description: "How many calls may be in flight at once, found out by how long they take.",
  default: false,
  off: true,
  order: [
    ["minLimit", "initialLimit"],
    ["initialLimit", "maxLimit"],
    ["minLimit", "maxLimit"],
  ],
  needs: [{ field: "smoothing", of: "algorithm", values: ["gradient2", "vegas"] }],
  fields: {
    algorithm: choice("What learns the limit.", ["adaptive", "gradient2", "vegas", "aimd"], {
      default: "adaptive",
    }),
    initialLimit: count("The limit before anything is known; 20 by default.", 1, 1_000_000),
    minLimit: count("The limit is never lower; 1 by default.", 1, 1_000_000),
    maxLimit: count("The limit is never higher; 1,000 by default.", 1, 1_000_000),
    smoothing: number("How much of a new limit counts; 0.2 for gradient2, 1 for vegas.", 0, 1, {
      above: true,
    }),
    queueFactor: number("This many times the limit may wait.", 0, 100, { default: 16 }),
    maxQueue: count("No more calls wait than this.", 0, 1_000_000, { default: 1_000 }),
    queueTimeoutMs: timer("How long a call waits at most; until its deadline by default."),
  },
};

const k = number("Calls sent for each one that the service takes.", 1, 100, { default: 2 });

const adaptiveThrottling: GroupField = {
  kind: "group",
  description: "When calls are refused here because the service refuses so many.",
  default: false,
  off: true,
  fields: {
    k: {
      kind: "union",
      description:
        "How many calls are sent for each one that the service takes: a number, or one by criticality.",
      default: 2,
      of: [
        k,
        {
          kind: "group",
          description: "By criticality.",
          fields: Object.fromEntries(criticalities.map((name) => [name, k])),
        },
      ],
    },
    windowMs: number("How far it looks back.", 1_000, hourMs, { default: 120_000 }),
    minRequests: count("Nothing is held back on fewer calls of a criticality than this.", 0, 1_000_000, {
      default: 10,
    }),
    shedOnRetryAfter: choice(
      "What is shed while the service asks to be left alone, and all that matters less.",
      criticalities,
      {
        default: "sheddable_plus",
        off: true,
      },
    ),
    maxRetryAfterMs: number("A longer Retry-After is cut to this.", 0, hourMs, { default: 60_000 }),
    rampMs: number("After that calls come back more and more over this time.", 0, hourMs, { default: 5_000 }),
  },
};

/** What keeps a service from being overloaded by this process. */
export const limitSections: readonly Section[] = [
  { key: "rateLimit", of: "both", field: rateLimit },
  { key: "adaptiveThrottling", of: "both", field: adaptiveThrottling, isRestated: true },
  { key: "adaptiveConcurrency", of: "both", field: adaptiveConcurrency },
  {
    key: "bulkhead",
    of: "both",
    field: bulkhead,
    rules: [
      {
        not: {
          required: ["bulkhead", "adaptiveConcurrency"],
          properties: { bulkhead: { type: "object" }, adaptiveConcurrency: { type: "object" } },
        },
      },
    ],
  },
];
