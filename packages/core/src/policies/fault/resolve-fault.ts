import { configError } from "../../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import { answerKeys, resolveAnswer } from "../answer.ts";
import type {
  AbortKind,
  FaultBehaviour,
  FaultOutcome,
  FaultSubject,
  ResolvedAbort,
  ResolvedFault,
  ResolvedFaultMatch,
} from "./fault-policy.ts";
import { percentOf, resolveDelay } from "./resolve-fault-delay.ts";
import type { Unshared } from "./resolve-fault-delay.ts";

const keys = [
  "enabled",
  "position",
  "percent",
  "delay",
  "abort",
  "behaviour",
  "outcome",
  "headers",
  "match",
] as const;
const share = { min: 0, max: 100 };
const token = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const abortKinds: readonly unknown[] = ["reset", "refuse", "timeout"] satisfies readonly AbortKind[];
const matchesAll: ResolvedFaultMatch = Object.freeze({
  methods: undefined,
  paths: undefined,
  headers: Object.freeze([]),
  attempts: undefined,
});

/**
 * Checks a fault policy and fills in every default; `false`, for no faults, where nothing is given.
 * @param defaults the service's policy, which a route's `undefined` inherits; a policy of its own replaces it as a whole
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveFault(
  input: unknown,
  path: string,
  defaults: ResolvedFault | false = false,
): ResolvedFault | false {
  if (input === undefined) return defaults;
  if (input === false) return false;
  const given = checkObject(input, path, keys, true);
  const position = given["position"] ?? "attempt";
  if (position !== "attempt" && position !== "call") {
    throw configError(fieldPath(path, "position"), `"attempt" or "call"`, position);
  }
  const headers = given["headers"] ?? false;
  if (typeof headers !== "boolean") throw configError(fieldPath(path, "headers"), "true or false", headers);
  const behaviour = resolveBehaviour(given["behaviour"], fieldPath(path, "behaviour"));
  const outcome = resolveOutcome(given["outcome"], fieldPath(path, "outcome"));
  const percent = checkNumber(given["percent"], fieldPath(path, "percent"), share);
  const delay = resolveDelay(given["delay"], fieldPath(path, "delay"));
  const abort = resolveAbort(given["abort"], fieldPath(path, "abort"));
  if (abort !== undefined && outcome !== undefined) {
    throw configError(
      fieldPath(path, "outcome"),
      `left out where ${fieldPath(path, "abort")} is given`,
      outcome,
    );
  }
  const isUnbounded =
    (delay?.percent === undefined && delay !== undefined) ||
    (abort?.percent === undefined && abort !== undefined) ||
    behaviour !== undefined ||
    outcome !== undefined;
  if (percent === undefined && isUnbounded) {
    throw configError(fieldPath(path, "percent"), "given, a number from 0 to 100", percent);
  }
  if (!isUnbounded && delay === undefined && abort === undefined && !headers) {
    throw configError(path, "given at least one of delay, abort, behaviour, outcome and headers", input);
  }
  return Object.freeze({
    enabled: resolveEnabled(given["enabled"], fieldPath(path, "enabled")),
    position,
    percent: percent ?? 100,
    delay: delay && Object.freeze({ ...delay, percent: delay.percent ?? 100 }),
    abort: abort && Object.freeze({ ...abort, percent: abort.percent ?? 100 }),
    behaviour,
    outcome,
    headers,
    match: resolveMatch(given["match"], fieldPath(path, "match"), position),
  });
}

function resolveAbort(input: unknown, path: string): Unshared<ResolvedAbort> | undefined {
  if (input === undefined) return undefined;
  const { kind, percent, ...answer } = checkObject(input, path, ["kind", "percent", ...answerKeys]);
  const ofThese = percentOf({ percent }, path);
  if (kind === undefined) {
    if (answer["status"] === undefined) throw configError(path, "given a status or a kind", input);
    return { percent: ofThese, with: resolveAnswer(answer, path, 503) };
  }
  if (!isAbortKind(kind)) {
    throw configError(fieldPath(path, "kind"), `"reset", "refuse" or "timeout"`, kind);
  }
  for (const key of Object.keys(answer)) {
    throw configError(
      fieldPath(path, key),
      `left out where ${fieldPath(path, "kind")} is given`,
      answer[key],
    );
  }
  return { percent: ofThese, with: kind };
}

function isAbortKind(value: unknown): value is AbortKind {
  return abortKinds.includes(value);
}

function resolveMatch(input: unknown, path: string, position: "attempt" | "call"): ResolvedFaultMatch {
  if (input === undefined) return matchesAll;
  const given = checkObject(input, path, ["methods", "paths", "headers", "attempts"]);
  const attempts = checkArray(given["attempts"], fieldPath(path, "attempts"), "numbers of attempts");
  if (attempts !== undefined && position === "call") {
    throw configError(fieldPath(path, "attempts"), `left out with position "call"`, attempts);
  }
  return Object.freeze({
    methods: texts(given["methods"], fieldPath(path, "methods"), "an HTTP method", (text) =>
      token.test(text) ? text.toUpperCase() : undefined,
    ),
    paths: texts(
      given["paths"],
      fieldPath(path, "paths"),
      "a path, or its beginning and an asterisk",
      (text) => (text.startsWith("/") && !/[?#]|\*./.test(text) ? text : undefined),
    ),
    headers: matchHeaders(given["headers"], fieldPath(path, "headers")),
    attempts: frozen(
      attempts?.map((value, index) => {
        const field = `${fieldPath(path, "attempts")}[${index}]`;
        const number = checkNumber(value, field, { min: 1, max: 10, integer: true });
        if (number === undefined) throw configError(field, "a whole number from 1 to 10", value);
        return number;
      }),
    ),
  });
}

function texts(
  input: unknown,
  path: string,
  expected: string,
  read: (text: string) => string | undefined,
): readonly string[] | undefined {
  const given = checkArray(input, path, "strings");
  if (given?.length === 0) throw configError(path, "left out, or at least one", input);
  const found = given?.map((value, index) => {
    const text = typeof value === "string" ? read(value) : undefined;
    if (text === undefined) throw configError(`${path}[${index}]`, expected, value);
    return text;
  });
  return frozen(found);
}

function matchHeaders(input: unknown, path: string): readonly (readonly [string, string])[] {
  if (input === undefined) return matchesAll.headers;
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw configError(path, "an object of header values", input);
  }
  const pairs = Object.entries(input).map(([name, value]: [string, unknown]) => {
    const field = fieldPath(path, name.slice(0, 60));
    if (!token.test(name)) throw configError(field, "the name of a header", name);
    if (typeof value !== "string" || value === "") throw configError(field, "a value, as a string", value);
    return Object.freeze([name.toLowerCase(), value] as const);
  });
  return Object.freeze(pairs);
}

function frozen<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list && Object.freeze(list);
}

function resolveBehaviour(input: unknown, path: string): FaultBehaviour | undefined {
  if (input === undefined || isBehaviour(input)) return input;
  throw configError(path, "a function", input);
}

function isBehaviour(value: unknown): value is FaultBehaviour {
  return typeof value === "function";
}

function resolveOutcome(input: unknown, path: string): FaultOutcome | undefined {
  if (input === undefined || isOutcome(input)) return input;
  throw configError(path, "a function", input);
}

function isOutcome(value: unknown): value is FaultOutcome {
  return typeof value === "function";
}

function resolveEnabled(input: unknown, path: string): ResolvedFault["enabled"] {
  if (input === undefined || typeof input === "boolean") return input ?? true;
  if (isSwitch(input)) return input;
  throw configError(path, "true, false or a function", input);
}

function isSwitch(value: unknown): value is (subject: FaultSubject) => boolean {
  return typeof value === "function";
}
