import { jitters } from "../../retry/backoff.ts";
import { resetHeaders } from "../../retry/retry-after.ts";
import { retryConditions } from "../../retry/retry-on.ts";
import type { RetryCondition } from "../../retry/retry-on.ts";
import type { GroupField, Json, Section, Yield } from "../field.ts";
import {
  choice,
  choices,
  count,
  dayMs,
  flag,
  hourMs,
  maxTimerMs,
  number,
  share,
  statuses,
  text,
  timer,
  tokenPattern,
} from "./ranges.ts";

const timeout: GroupField = {
  kind: "group",
  description: "Time limits, in milliseconds.",
  order: [
    ["attemptMs", "totalMs"],
    ["connectMs", "attemptMs"],
    ["connectMs", "totalMs"],
    ["queueMs", "attemptMs"],
    ["queueMs", "totalMs"],
    ["headersMs", "attemptMs"],
    ["headersMs", "totalMs"],
    ["bodyIdleMs", "streamMs"],
  ],
  fields: {
    totalMs: timer("The whole call with all of its attempts and the waits between them.", {
      default: 30_000,
    }),
    attemptMs: timer("One attempt, up to the response's head or, where it is taken whole, its last byte.", {
      default: 10_000,
    }),
    connectMs: timer("Opening a connection.", { default: 1_000 }),
    queueMs: timer("Waiting for a connection that is free or newly opened; attemptMs by default."),
    headersMs: timer("The response's head, from the beginning of the attempt; attemptMs by default."),
    bodyIdleMs: timer("The silence between two pieces of a streamed response's body.", { default: 300_000 }),
    streamMs: timer(
      "A streamed response, from the beginning of the call to its last byte; unlimited by default.",
    ),
  },
};

const routeRetry: GroupField["fields"] = {
  maxAttempts: count("Attempts in all, the first one included.", 1, 10, { default: 3 }),
  on: choices("What is retried, in Envoy's words. An empty list retries nothing.", retryConditions, [
    "connect-failure",
    "refused-stream",
    "reset",
    "retriable-status-codes",
  ]),
  statuses: statuses("Response statuses for retriable-status-codes.", [408, 429, 502, 503, 504]),
  headers: {
    kind: "list",
    description: "Response headers for retriable-headers.",
    default: [],
    of: {
      kind: "group",
      description: "A response header that makes an answer worth repeating.",
      required: ["name"],
      fields: {
        name: text("In any case.", tokenPattern),
        value: text("Exactly this value; any when absent."),
      },
    },
  },
  classify: { kind: "code", description: "Has the first word on whether a failed attempt is retried." },
  baseDelayMs: number("The back-off before retry n is a part of baseDelayMs × 2^(n−1).", 0, maxTimerMs, {
    default: 25,
  }),
  maxDelayMs: number("The back-off's upper limit.", 0, maxTimerMs, { default: 250 }),
  jitter: choice("Which part of the back-off is waited.", jitters, { default: "full" }),
  resetHeaders: choices(
    "Response headers that say how long to wait at least, the first that is there.",
    resetHeaders,
    ["retry-after"],
  ),
  maxRetryAfterMs: count("A response that asks for a longer wait is not retried.", 0, dayMs, {
    default: 300_000,
  }),
  replayBytes: count(
    "A streamed request body up to so many bytes is kept, to be sent again.",
    0,
    16_777_216,
    {
      default: 65_536,
    },
  ),
  chainStop: flag("A request that is itself a retry of our caller is not retried here.", true),
  exclude: choice(
    "Where a retry may not go, as far as there is something else.",
    ["hosts", "priorities", "none"],
    {
      default: "hosts",
    },
  ),
  resume: flag("Goes on with a broken download where it stopped.", false),
};

const retryOrder = [["baseDelayMs", "maxDelayMs"]] as const;

/** A list of answers to retry means nothing where `on` is given without the word for it. */
function onlyBeside(field: string, word: RetryCondition): Json {
  const others = retryConditions.filter((condition) => condition !== word);
  return {
    not: {
      required: ["on", field],
      properties: {
        on: { type: "array", items: { enum: others } },
        [field]: { type: "array", minItems: 1 },
      },
    },
  };
}

/** By default nothing is retried for its headers. */
const retryRulesAlone: readonly Json[] = [
  {
    if: { required: ["headers"], properties: { headers: { minItems: 1 } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ["on"] },
  },
];

const lacks =
  (word: RetryCondition) =>
  (on: unknown): boolean =>
    Array.isArray(on) && !on.includes(word);

const isOne = (value: unknown): boolean => value === 1;

const retryYields: readonly Yield[] = [
  { field: "statuses", of: "on", when: lacks("retriable-status-codes") },
  { field: "headers", of: "on", when: lacks("retriable-headers") },
  { field: "resume", of: "maxAttempts", when: isOne },
];

const retryRules: readonly Json[] = [
  onlyBeside("statuses", "retriable-status-codes"),
  onlyBeside("headers", "retriable-headers"),
  {
    not: {
      required: ["resume", "maxAttempts"],
      properties: { resume: { const: true }, maxAttempts: { const: 1 } },
    },
  },
];

const retry: GroupField = {
  kind: "group",
  description: "Further attempts after one that failed.",
  off: true,
  order: retryOrder,
  rules: retryRules,
  rulesAlone: retryRulesAlone,
  yields: retryYields,
  fields: {
    ...routeRetry,
    budget: {
      kind: "group",
      description: "How much extra load retries and hedges may make, shared by every call of the service.",
      fields: {
        ratio: number("Retries and hedges per call that succeeded.", 0, 1, { default: 0.2 }),
        minPerSecond: number(
          "Retries per second beyond that, while the service mostly answers.",
          0,
          1_000_000,
          {
            default: 10,
          },
        ),
      },
    },
  },
};

const hedge: GroupField = {
  kind: "group",
  description: "A second attempt while the first is unanswered; the answer that comes first is taken.",
  default: false,
  off: true,
  excludes: [
    ["delayMs", "percentile"],
    ["delayMs", "minDelayMs"],
  ],
  fields: {
    delayMs: timer("How long an attempt may take before the next is sent beside it; measured by default."),
    percentile: number("Hedge what takes longer than this percentage of the route's calls.", 50, 99.99, {
      default: 99,
    }),
    minDelayMs: number("A measured delay is never below this.", 0, maxTimerMs, { default: 1 }),
    maxHedges: count("Hedges of one attempt.", 1, 4, { default: 1 }),
    statuses: statuses("Statuses that have the next hedge sent at once.", [429, 502, 503, 504]),
  },
};

const deadline: GroupField = {
  kind: "group",
  description: "How the deadline of the work that a call is made in binds the call, and how it is handed on.",
  off: true,
  fields: {
    inherit: flag("The call ends no later than the work it is made in.", true),
    propagate: {
      kind: "group",
      description: "Which headers go out.",
      off: true,
      fields: {
        grpcTimeout: flag("grpc-timeout", false),
        envoyTimeout: flag("x-envoy-expected-rq-timeout-ms", true),
        criticality: flag("x-proxyless-criticality", true),
        chainStop: flag("x-proxyless-chain-stop", true),
      },
    },
    reserveMs: number(
      "What the way there and back takes: the service is told that it has so much less.",
      0,
      60_000,
      {
        default: 0,
      },
    ),
  },
};

/** What only our own engine counts; the other one is refused together with it. */
const native = {
  anyOf: [
    { required: ["windowCalls"] },
    { required: ["consecutiveFailures"], properties: { consecutiveFailures: { type: "number" } } },
    { required: ["slowCallMs"], properties: { slowCallMs: { type: "number" } } },
    { required: ["failureRatio"], properties: { failureRatio: { const: false } } },
  ],
};

const circuit: GroupField = {
  kind: "group",
  description: "When to stop calling something that keeps failing, and how to find out that it works again.",
  off: true,
  order: [
    ["openMs", "maxOpenMs"],
    ["minCalls", "windowCalls"],
  ],
  excludes: [["windowMs", "windowCalls"]],
  needs: [{ field: "slowCallRatio", of: "slowCallMs" }],
  yields: [{ field: "probeIntervalMs", of: "probes", when: isOne }],
  rules: [
    { not: { required: ["engine"], properties: { engine: { const: "opossum" } }, ...native } },
    {
      not: {
        required: ["probes", "probeIntervalMs"],
        properties: { probes: { const: 1 }, probeIntervalMs: { exclusiveMinimum: 0 } },
      },
    },
  ],
  rulesAlone: [
    {
      if: { required: ["probeIntervalMs"], properties: { probeIntervalMs: { exclusiveMinimum: 0 } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: ["probes"] },
    },
    {
      if: { required: ["failureRatio"], properties: { failureRatio: { const: false } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: {
        anyOf: [
          { required: ["consecutiveFailures"], properties: { consecutiveFailures: { type: "number" } } },
          { required: ["slowCallMs"], properties: { slowCallMs: { type: "number" } } },
        ],
      },
    },
  ],
  fields: {
    engine: choice("The library that counts; opossum by default where it can do what is asked.", [
      "opossum",
      "native",
    ]),
    mode: choice("auto decides by itself.", ["auto", "forced-open", "forced-closed", "metrics-only"], {
      default: "auto",
    }),
    failureRatio: share("Opens when at least this share of the window's calls failed.", {
      default: 0.5,
      off: true,
    }),
    windowMs: number("A window of time; 10,000 by default.", 100, hourMs),
    windowCalls: count("Instead of windowMs: a window of the last so many completed calls.", 1, 10_000),
    minCalls: count("No ratio opens it on fewer completed calls than this; 20 by default.", 1, 1_000_000),
    consecutiveFailures: count("Opens after so many failures without a success in between.", 1, 1_000_000, {
      default: false,
      off: true,
    }),
    slowCallMs: timer("A call that took longer than this is slow.", { default: false, off: true }),
    slowCallRatio: share("Opens when at least this share of the window's calls was slow.", { default: 0.5 }),
    openMs: number("How long it stays open before a probe; 5,000 by default.", 1, hourMs),
    maxOpenMs: number("The longest it stays open; three times openMs by default.", 1, dayMs),
    openGrowth: number("The time open is multiplied by this each time it opens again soon.", 1, 100, {
      default: 1.5,
    }),
    openJitter: number("Up to this share is added to the time open, at random.", 0, 1, { default: 0.2 }),
    probes: count("Calls that are let through to decide whether it closes.", 1, 100, { default: 1 }),
    probeIntervalMs: number("Between the starts of two probes; 0 with one probe, 200 with more.", 0, hourMs),
    probeTimeoutMs: timer(
      "A probe without a result after this counts as failed; the total timeout by default.",
    ),
  },
};

/** Limits, repetition and the circuit of a call. */
export const callSections: readonly Section[] = [
  { key: "timeout", of: "both", field: timeout },
  { key: "retry", of: "service", field: retry },
  { key: "retry", of: "route", field: { ...retry, fields: routeRetry } },
  { key: "hedge", of: "both", field: hedge },
  { key: "deadline", of: "both", field: deadline },
  { key: "circuit", of: "both", field: circuit },
];
