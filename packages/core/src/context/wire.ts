import { headerIndex } from "../header-list.ts";
import type { CallContext } from "./call-context.ts";
import { isCriticality } from "./criticality.ts";
import type { Criticality } from "./criticality.ts";
import type { ResolvedDeadline } from "./deadline-policy.ts";
import { formatGrpcTimeout, parseGrpcTimeout } from "./grpc-timeout.ts";

/** The headers by which a context travels, in lower case. */
export const contextHeaders = {
  /** gRPC's: the time that the receiver has. */
  grpcTimeout: "grpc-timeout",
  /** Envoy's: the milliseconds that the receiver has. */
  envoyTimeout: "x-envoy-expected-rq-timeout-ms",
  /** Envoy's: which attempt of a call this request is. */
  attempt: "x-envoy-attempt-count",
  criticality: "x-proxyless-criticality",
  /** The receiver is not to retry what it calls in turn. */
  chainStop: "x-proxyless-chain-stop",
} as const;

/** What the headers of a request say. */
export interface WireContext {
  /** The least of the times that were given. */
  readonly timeoutMs: number | undefined;
  readonly attempt: number | undefined;
  readonly criticality: Criticality | undefined;
  readonly chainStop: boolean;
}

/** Which headers are believed. */
export interface WireTrust {
  readonly grpcTimeout: boolean;
  readonly envoyTimeout: boolean;
  readonly attempt: boolean;
  readonly criticality: boolean;
}

/** Headers as Node has them: names in lower case. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Reads the context of a request. What makes no sense is left out and reported, so that a broken caller loses its
 * deadline and not its answers.
 * @param malformed called with the name of each header that makes no sense
 */
export function readContextHeaders(
  headers: HeaderRecord,
  trust: WireTrust,
  malformed: (header: string) => void,
): WireContext {
  const read = <T>(name: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = headers[name];
    if (value === undefined) return undefined;
    const parsed = typeof value === "string" ? parse(value) : undefined;
    if (parsed === undefined) malformed(name);
    return parsed;
  };
  const names = contextHeaders;
  const grpc = trust.grpcTimeout ? read(names.grpcTimeout, parseGrpcTimeout) : undefined;
  const envoy = trust.envoyTimeout ? read(names.envoyTimeout, parseEnvoyTimeout) : undefined;
  return {
    timeoutMs: grpc === undefined || (envoy !== undefined && envoy < grpc) ? envoy : grpc,
    attempt: trust.attempt ? read(names.attempt, parseAttempt) : undefined,
    criticality: trust.criticality ? read(names.criticality, parseCriticality) : undefined,
    chainStop: trust.attempt && headers[names.chainStop] === "1",
  };
}

/**
 * Adds what the service is to know to the headers of one attempt. A time that the caller wrote into its request stays
 * where it is the shorter one.
 * @param headers name, value, name, value…; changed in place
 * @param criticality the call's own, where it has one; else the context's
 * @param timeoutMs how long the attempt may last, less `reserveMs` on the wire; `Infinity` to say nothing of time
 */
export function addContextHeaders(
  headers: string[],
  policy: ResolvedDeadline,
  timeoutMs: number,
  context: CallContext | undefined,
  criticality: Criticality | undefined = context?.criticality,
): void {
  const { propagate, reserveMs } = policy;
  if (propagate === false) return;
  const ms = timeoutMs - reserveMs;
  if (propagate.grpcTimeout) {
    setTime(headers, contextHeaders.grpcTimeout, formatGrpcTimeout(ms), ms, parseGrpcTimeout);
  }
  if (propagate.envoyTimeout) {
    setTime(headers, contextHeaders.envoyTimeout, formatEnvoyTimeout(ms), ms, parseEnvoyTimeout);
  }
  if (propagate.criticality && criticality !== undefined) {
    setMissing(headers, contextHeaders.criticality, criticality);
  }
  if (propagate.chainStop && context?.chainStop === true) setMissing(headers, contextHeaders.chainStop, "1");
}

/** Whole milliseconds, rounded down; nothing stands for less than one, since Envoy takes 0 for no limit. */
function formatEnvoyTimeout(ms: number): string | undefined {
  return ms >= 1 && ms < 1e15 ? String(Math.floor(ms)) : undefined;
}

function parseEnvoyTimeout(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

function parseAttempt(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

function parseCriticality(value: string): Criticality | undefined {
  return isCriticality(value) ? value : undefined;
}

function setTime(
  headers: string[],
  name: string,
  value: string | undefined,
  ms: number,
  parse: (value: string) => number | undefined,
): void {
  if (value === undefined) return;
  const at = headerIndex(headers, name);
  if (at === -1) headers.push(name, value);
  else if (!((parse(headers[at + 1]!) ?? Infinity) <= ms)) headers[at + 1] = value;
}

function setMissing(headers: string[], name: string, value: string): void {
  if (headerIndex(headers, name) === -1) headers.push(name, value);
}
