import type { IncomingHttpHeaders } from "node:http";

import { ConsulError } from "./consul-error.ts";
import type { ConsulResponse } from "./http-client.ts";
import { isRecord } from "./option-checks.ts";

/**
 * Why an answer may not be the whole truth: the token may not see all of it, the server is cut off, or its index went
 * back, so that it may be a follower's old list as well as a new beginning.
 */
export type Doubt = "acl" | "no-leader" | "reset";

/** Whether an answer can be believed to be whole; `ask`: only a look at the token's rights can tell. */
export type Verdict = "whole" | "ask" | Exclude<Doubt, "reset">;

/**
 * Judges an answer with status 200. Consul hides what a token may not read instead of refusing, so an empty list may
 * be a lie; newer versions say so in a header, older ones say nothing.
 */
export function judge(headers: IncomingHttpHeaders, isEmpty: boolean): Verdict {
  if (headers["x-consul-results-filtered-by-acls"] === "true") return "acl";
  // A server that knows no leader may have missed anything since it lost it.
  if (headers["x-consul-knownleader"] === "false") return "no-leader";
  return isEmpty ? "ask" : "whole";
}

/** The question that tells an empty list from a hidden one, as the body of `POST /v1/internal/acl/authorize`. */
export function accessQuestion(service: string, nodes: readonly string[]): string {
  return JSON.stringify([mayRead("service", service), ...nodes.map((node) => mayRead("node", node))]);
}

function mayRead(resource: string, name: string): object {
  return { Resource: resource, Access: "read", Segment: name };
}

/**
 * Reads its answer: whether something of it may not be read. Where an agent cannot say, an empty list for nobody is a
 * lie if the default is to deny.
 */
export function isHidden(answer: ConsulResponse, headers: IncomingHttpHeaders, hasToken: boolean): boolean {
  // 401: there are no access rules here.
  if (answer.status === 401) return false;
  const rights = answer.status === 200 ? parse(answer.body) : undefined;
  if (!Array.isArray(rights)) return !hasToken && headers["x-consul-default-acl-policy"] === "deny";
  return rights.some((right: unknown) => isRecord(right) && right["Allow"] === false);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How old Consul says an answer is, in milliseconds: since the server heard its leader, or the agent its servers. */
export function ageOf(headers: IncomingHttpHeaders): number {
  const contact = wholeHeader(headers["x-consul-lastcontact"]);
  const age = wholeHeader(headers["age"]) * 1000;
  return Math.max(contact, age);
}

function wholeHeader(value: string | readonly string[] | undefined): number {
  return typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : 0;
}

/** What a doubtful answer is reported as, beside the suspect snapshot; `indexes` says how the index moved. */
export function doubtError(service: string, doubt: Doubt, indexes: string): ConsulError {
  if (doubt === "acl") {
    const needed = "it needs service:read and node:read";
    return new ConsulError("auth", `service ${service}: Consul hides entries from this token; ${needed}`);
  }
  if (doubt === "no-leader") {
    const unknown = "the Consul server knows no leader, its list may be old";
    return new ConsulError("transient", `service ${service}: ${unknown}`);
  }
  const back = `Consul's index went back ${indexes}; it is asked afresh`;
  return new ConsulError("protocol-reset", `service ${service}: ${back}`);
}
