import type { IncomingHttpHeaders } from "node:http";

import { SourceError, isRecord } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { Question } from "./question.ts";

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

/**
 * Reads the answer to {@link Question.access}: whether something of it may not be read. Where an agent cannot say, an
 * empty list for nobody is a lie if the default is to deny.
 */
export function isHidden(answer: RegistryResponse, headers: IncomingHttpHeaders, hasToken: boolean): boolean {
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

/**
 * How old Consul says an answer is, in milliseconds: since the server heard its leader, or the agent its servers. Whom
 * the answer came from counts, not who was asked: an agent may be configured to answer with less
 * (`X-Consul-Effective-Consistency`).
 */
export function ageOf(headers: IncomingHttpHeaders): number {
  const effective = headers["x-consul-effective-consistency"];
  const isLeaders = effective === "leader" || effective === "consistent";
  const contact = isLeaders ? 0 : wholeHeader(headers["x-consul-lastcontact"]);
  const age = wholeHeader(headers["age"]) * 1000;
  return Math.max(contact, age);
}

function wholeHeader(value: string | readonly string[] | undefined): number {
  return typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : 0;
}

/** What a doubtful answer is reported as, beside the suspect snapshot; `indexes` says how the index moved. */
export function doubtError({ subject, rights }: Question, doubt: Doubt, indexes: string): SourceError {
  if (doubt === "acl") {
    return new SourceError("auth", `${subject}: Consul hides entries from this token; it needs ${rights}`);
  }
  if (doubt === "no-leader") {
    const unknown = "the Consul server knows no leader, its list may be old";
    return new SourceError("transient", `${subject}: ${unknown}`);
  }
  const back = `Consul's index went back ${indexes}; it is asked afresh`;
  return new SourceError("protocol-reset", `${subject}: ${back}`);
}
