import type { StandardSchemaIssue } from "./standard-schema.ts";

const maxIssues = 5;
const maxMessage = 200;

/**
 * Issues as one line: `items[0].price: expected number; …`, at most five of them. Text of the value at fault is cut out
 * of the validator's message, because it may be a secret and errors end in logs.
 * @param value what was validated
 * @param pathsOnly leaves the messages out altogether
 */
export function describeIssues(
  issues: readonly StandardSchemaIssue[],
  value: unknown,
  pathsOnly: boolean,
): string {
  const told = issues.slice(0, maxIssues).map((issue) => describe(issue, value, pathsOnly));
  const rest = issues.length - told.length;
  return `${told.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

function describe(issue: StandardSchemaIssue, value: unknown, pathsOnly: boolean): string {
  const keys = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  const path = pathText(keys);
  if (pathsOnly) return path === "" ? "the whole" : path;
  const line = conceal(issue.message, leafAt(value, keys)).replace(/\s+/g, " ");
  const message = line.length > maxMessage ? `${line.slice(0, maxMessage)}…` : line;
  return path === "" ? message : `${path}: ${message}`;
}

function pathText(keys: readonly PropertyKey[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number" || /^\d+$/.test(String(key))) path += `[${String(key)}]`;
    else if (typeof key === "string" && /^[\w$-]+$/.test(key)) path += path === "" ? key : `.${key}`;
    else path += `[${typeof key === "string" ? JSON.stringify(key.slice(0, 60)) : String(key)}]`;
  }
  return path;
}

function leafAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  let leaf: unknown = value;
  for (const key of keys) {
    if (typeof leaf !== "object" || leaf === null) return undefined;
    leaf = Reflect.get(leaf, key);
  }
  return leaf;
}

/** Short texts are only cut out where they are quoted: they may be part of any word. */
const shortest = 4;

function conceal(message: string, leaf: unknown): string {
  if (typeof leaf !== "string" || leaf === "") return message;
  const quoted = message.replaceAll(JSON.stringify(leaf), '"…"').replaceAll(`"${leaf}"`, '"…"');
  return leaf.length < shortest ? quoted.replaceAll(`'${leaf}'`, "'…'") : quoted.replaceAll(leaf, "…");
}
