import { errorCodes } from "../../../errors.ts";
import type { Field, GroupField, Json, Section } from "../field.ts";
import {
  choice,
  choices,
  count,
  flag,
  headerNames,
  hourMs,
  maxTimerMs,
  number,
  statuses,
  text,
  timer,
  tokenPattern,
  anyCase,
} from "./ranges.ts";

const connectionHeaders = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];

const answer: GroupField["fields"] = {
  status: count("The response's status.", 200, 599),
  headers: {
    kind: "map",
    description: "By name; content-length is set by itself, and so is content-type for json.",
    hidden: true,
    names: `^(?!(?:${connectionHeaders.map(anyCase).join("|")})$)${tokenPattern.slice(1)}`,
    of: text("The header's value.", "^[\\t\\u0020-\\u007e\\u0080-\\u00ff]*$"),
  },
  body: { ...text("The body as text."), hidden: true },
  json: { kind: "json", description: "The body as a value that is written as JSON.", hidden: true },
};

const bodiless: Json = {
  if: { required: ["status"], properties: { status: { enum: [204, 205, 304] } } },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { not: { anyOf: [{ required: ["body"] }, { required: ["json"] }] } },
};

const percent = number("The share of the faults that the policy's own percent lets through.", 0, 100);
const anyMs = (description: string): Field => number(description, 0, maxTimerMs);
const distribution = (name: string): Field => choice("How delays differ.", [name]);

const delay: Field = {
  kind: "union",
  description: "How long an injected delay lasts.",
  of: [
    {
      kind: "group",
      description: "Always the same.",
      required: ["fixedMs"],
      fields: { percent, fixedMs: anyMs("The delay.") },
    },
    {
      kind: "group",
      description: "Anything between two bounds, each as likely.",
      required: ["distribution", "minMs", "maxMs"],
      order: [["minMs", "maxMs"]],
      fields: {
        percent,
        distribution: distribution("uniform"),
        minMs: anyMs("The shortest."),
        maxMs: anyMs("The longest."),
      },
    },
    {
      kind: "group",
      description: "Around a mean, as a bell; never below 0.",
      required: ["distribution", "meanMs", "deviationMs"],
      fields: {
        percent,
        distribution: distribution("normal"),
        meanMs: anyMs("The mean."),
        deviationMs: anyMs("The standard deviation."),
        maxMs: anyMs("Longer ones are cut to this."),
      },
    },
    {
      kind: "group",
      description: "Mostly short, now and then long.",
      required: ["distribution", "meanMs"],
      fields: {
        percent,
        distribution: distribution("exponential"),
        meanMs: number("The mean.", 0, maxTimerMs, { above: true }),
        maxMs: anyMs("Longer ones are cut to this."),
      },
    },
  ],
};

const abort: Field = {
  kind: "union",
  description: "What comes instead of the service's answer.",
  of: [
    {
      kind: "group",
      description: "An answer.",
      required: ["status"],
      excludes: [["body", "json"]],
      rules: [bodiless],
      fields: { percent, ...answer },
    },
    {
      kind: "group",
      description: "The request is broken off.",
      required: ["kind"],
      fields: { percent, kind: choice("How.", ["reset", "refuse", "timeout"]) },
    },
  ],
};

const faultInjection: GroupField = {
  kind: "group",
  description: "Injects faults into calls, to see what they do to this process and to those that call it.",
  default: false,
  off: true,
  rules: [
    {
      not: {
        required: ["position", "match"],
        properties: { position: { const: "call" }, match: { required: ["attempts"] } },
      },
    },
  ],
  rulesAlone: [
    {
      anyOf: [
        { required: ["delay"] },
        { required: ["abort"] },
        { required: ["headers"], properties: { headers: { const: true } } },
      ],
    },
    {
      anyOf: [
        { required: ["percent"] },
        { properties: { delay: { required: ["percent"] }, abort: { required: ["percent"] } } },
      ],
    },
  ],
  fields: {
    enabled: flag("False turns everything off.", true),
    position: choice("At each attempt, or at the call as a whole.", ["attempt", "call"], {
      default: "attempt",
    }),
    percent: number("The share of the matching requests that anything is injected into.", 0, 100),
    delay,
    abort,
    behaviour: { kind: "code", description: "Runs before the request is sent." },
    outcome: { kind: "code", description: "Makes up the answer.", insteadOf: "abort" },
    headers: flag("Lets headers of the request ask for faults.", false),
    match: {
      kind: "group",
      description: "Which requests faults are meant for; every given field has to fit.",
      fields: {
        methods: {
          kind: "list",
          description: "In any case; all by default.",
          minItems: 1,
          of: text("A method.", tokenPattern),
        },
        paths: {
          kind: "list",
          description:
            "Whole paths without the query, or beginnings of them where they end in *; all by default.",
          minItems: 1,
          of: text("A path.", "^/[^?#*\\n\\r\\u2028\\u2029]*\\*?$"),
        },
        headers: {
          kind: "map",
          description: "Headers that a request must have, with these values.",
          hidden: true,
          names: tokenPattern,
          of: text("The value.", "^[^]+$"),
        },
        attempts: {
          kind: "list",
          description: "Numbers of attempts, 1 for the first.",
          of: count("One.", 1, 10),
        },
      },
    },
  },
};

const storeOrder = [["maxEntryBytes", "maxBytes"]] as const;

const fallback: GroupField = {
  kind: "group",
  description: "What is answered where a call fails for good, after its retries.",
  default: false,
  off: true,
  rulesAlone: [
    { anyOf: [{ required: ["stale"] }, { required: ["service"] }, { required: ["value"] }] },
    {
      if: { required: ["timeoutMs"] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: ["service"] },
    },
  ],
  fields: {
    on: {
      kind: "group",
      description: "Which failures something else is answered instead of.",
      fields: {
        statuses: statuses("Every one from 500 on by default."),
        errors: choices("Codes of errors; all that are not the caller's own doing by default.", errorCodes),
      },
    },
    stale: {
      kind: "group",
      description: "Answers with what a GET was last answered, from memory.",
      required: ["maxAgeMs"],
      order: storeOrder,
      fields: {
        maxAgeMs: timer("How old it may be."),
        maxEntries: count("Answers that are kept.", 1, 1_000_000, { default: 1_000 }),
        maxBytes: count("Bytes that are kept in all.", 1, 2 ** 40, { default: 33_554_432 }),
        maxEntryBytes: count("Longer bodies are not kept.", 0, 2 ** 30, { default: 1_048_576 }),
        headers: headerNames(
          "The headers by which requests are told apart; every one but those of tracing by default.",
        ),
      },
    },
    service: text("The name of another service that is asked the same.", "^[^]+$"),
    run: { kind: "code", description: "Makes up an answer." },
    value: {
      kind: "group",
      description: "The answer; the status is 200 by default.",
      excludes: [["body", "json"]],
      rules: [bodiless],
      fields: answer,
    },
    timeoutMs: timer("How long the other service may take; what is left of the call's time by default."),
  },
};

const coalesce: GroupField = {
  kind: "group",
  description: "Identical GET and HEAD requests that are on their way at the same time are sent once.",
  default: false,
  off: true,
  on: true,
  fields: {
    headers: headerNames(
      "The headers by which requests are told apart; every one but those of tracing by default.",
    ),
    maxBytes: count("How much of a streamed body is kept for those that wait for it.", 0, 2 ** 30, {
      default: 1_048_576,
    }),
    holdMs: number(
      "How long a streamed body may take before those that wait are sent on their own.",
      0,
      hourMs,
      {
        default: 1_000,
      },
    ),
    maxWaiters: count("How many may wait for one answer.", 1, 1_000_000, { default: 1_000 }),
    maxFlights: count("How many answers may be waited for.", 1, 1_000_000, { default: 1_000 }),
  },
};

const cache: GroupField = {
  kind: "group",
  description: "Keeps responses as HTTP allows (RFC 9111).",
  default: false,
  off: true,
  on: true,
  order: storeOrder,
  fields: {
    type: choice("private keeps the answers to each user apart.", ["private", "shared"], {
      default: "private",
    }),
    maxEntries: count("Responses that are kept.", 1, 1_000_000, { default: 1_000 }),
    maxBytes: count("Bytes that are kept in all, headers included.", 1, 2 ** 40, { default: 33_554_432 }),
    maxEntryBytes: count("Longer bodies are not kept.", 0, 2 ** 30, { default: 1_048_576 }),
  },
};

/** What stands around calls and may answer in the service's place. */
export const aroundSections: readonly Section[] = [
  { key: "faultInjection", of: "both", field: faultInjection, merge: "whole", isRestated: true },
  { key: "fallback", of: "both", field: fallback, merge: "whole", isRestated: true },
  { key: "coalesce", of: "both", field: coalesce },
  { key: "cache", of: "both", field: cache },
];
