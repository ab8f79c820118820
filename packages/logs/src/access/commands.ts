import { hostname } from "node:os";

import { configError } from "@proxyless/core";
import type { AnsweredBy, ReasonFlag } from "@proxyless/core";

import { headerReader } from "./headers.ts";
import type { LoggedCall, Reader } from "./logged-call.ts";
import type { Command } from "./parse.ts";
import { timeFormat } from "./time-format.ts";
import { unknownCommands } from "./unknown-commands.ts";

/** Commands that take no argument. */
const plain: Readonly<Record<string, Reader>> = {
  // The call begins in this process: what is spoken with the service is all that is spoken.
  PROTOCOL: protocol,
  UPSTREAM_PROTOCOL: protocol,
  RESPONSE_CODE: ({ event }) => event.status ?? 0,
  RESPONSE_FLAGS: ({ event }) => event.flag,
  RESPONSE_FLAGS_LONG: ({ event }) => (event.flag === undefined ? undefined : flagNames[event.flag]),
  // Envoy's point of view: it receives the request and sends the answer on.
  BYTES_RECEIVED: ({ event }) => event.requestBytes,
  BYTES_SENT: ({ event }) => event.responseBytes,
  DURATION: ({ event }) => Math.round(event.durationMs),
  RESPONSE_DURATION: ({ event }) => rounded(event.firstByteMs),
  RESPONSE_TX_DURATION: ({ event: { durationMs, firstByteMs } }) =>
    rounded(firstByteMs === undefined ? undefined : durationMs - firstByteMs),
  UPSTREAM_HOST: ({ event }) => event.endpoint,
  UPSTREAM_HOST_NAME: ({ event }) => event.endpoint,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (call) => address(call)?.host,
  UPSTREAM_REMOTE_ADDRESS: ({ event }) => event.endpoint,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (call) => address(call)?.host,
  UPSTREAM_REMOTE_PORT: (call) => address(call)?.port,
  UPSTREAM_CLUSTER: ({ event }) => event.service,
  UPSTREAM_CLUSTER_RAW: ({ event }) => event.service,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ event }) => event.attempts,
  ROUTE_NAME: ({ event }) => event.route,
  TRACE_ID: ({ event }) => event.trace?.traceId,
  SPAN_ID: ({ event }) => event.trace?.spanId,
  HOSTNAME: () => hostname(),
};

const queries = new Set(["QUERY_PARAM", "QUERY_PARAMS"]);
const times = new Set(["START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"]);
const headers: Readonly<Record<string, "request" | "response">> = {
  REQ: "request",
  REQUEST_HEADER: "request",
  RESP: "response",
  RESPONSE_HEADER: "response",
  TRAILER: "response",
  RESPONSE_TRAILER: "response",
};

/**
 * What a command reads from a call.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a command that is unknown, or has an argument that it does not take
 */
export function readerOf(command: Command, field: string): Reader {
  const { argument, maxLength, name } = command;
  const reader = untruncated(name, argument, field);
  if (maxLength === undefined) return reader;
  return (call) => {
    const value = reader(call);
    return typeof value === "string" ? value.slice(0, maxLength) : value;
  };
}

function untruncated(name: string, argument: string | undefined, field: string): Reader {
  if (Object.hasOwn(plain, name)) {
    if (argument !== undefined) throw configError(field, `%${name}% without an argument`, argument);
    return plain[name] ?? unknown;
  }
  if (times.has(name)) return timeReader(name, argument, field);
  if (Object.hasOwn(headers, name)) {
    if (argument === undefined) throw configError(field, `%${name}(HEADER)%`, `%${name}%`);
    return headerReader(argument, field, headers[name] ?? "request");
  }
  if (name === "PATH") return ({ event }) => event.path;
  if (name === "RESPONSE_CODE_DETAILS") return details;
  if (name === "DYNAMIC_METADATA") return metadataReader(argument ?? "");
  if (unknownCommands.has(name)) return unknown;
  if (queries.has(name)) throw configError(field, "without queries, which may hold secrets", `%${name}%`);
  throw configError(field, "made of commands that are known", `%${name}%`);
}

const unknown: Reader = () => undefined;

function timeReader(name: string, argument: string | undefined, field: string): Reader {
  const format = timeFormat(argument, name.endsWith("_LOCAL"), field);
  return name.startsWith("START") ? ({ startedAt }) => format(startedAt) : ({ endedAt }) => format(endedAt);
}

/** What hooks tagged is the metadata of the namespace `proxyless`. */
function metadataReader(argument: string): Reader {
  const [namespace, ...key] = argument.split(":");
  if (namespace !== "proxyless") return unknown;
  const tag = key.join(":");
  return ({ event }) => {
    const value = event.tags !== undefined && Object.hasOwn(event.tags, tag) ? event.tags[tag] : undefined;
    return typeof value === "boolean" ? String(value) : value;
  };
}

function protocol({ event }: LoggedCall): string | undefined {
  return event.protocol === undefined ? undefined : `HTTP/${event.protocol}`;
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}

function details({ event }: LoggedCall): string | undefined {
  return event.error ?? (event.answeredBy === undefined ? undefined : answers[event.answeredBy]);
}

function address({ event }: LoggedCall): { readonly host: string; readonly port: number } | undefined {
  const { endpoint } = event;
  if (endpoint === undefined) return undefined;
  const colon = endpoint.lastIndexOf(":");
  return { host: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) };
}

/** As Envoy says it where it has a word. */
const answers: Readonly<Record<AnsweredBy, string>> = {
  network: "via_upstream",
  cache: "cache.response_from_cache_filter",
  coalesced: "coalesced",
  fallback: "fallback",
  fault: "fault_filter_abort",
};

/** As Envoy writes the flags that it has too. */
const flagNames: Readonly<Record<ReasonFlag, string>> = {
  UF: "UpstreamConnectionFailure",
  UC: "UpstreamConnectionTermination",
  UT: "UpstreamRequestTimeout",
  DT: "DurationTimeout",
  UH: "NoHealthyUpstream",
  UO: "UpstreamOverflow",
  NR: "NoRouteFound",
  RL: "RateLimited",
  UPE: "UpstreamProtocolError",
  DC: "DownstreamConnectionTermination",
  LR: "LocalReset",
  FI: "FaultInjected",
  DI: "DelayInjected",
};
