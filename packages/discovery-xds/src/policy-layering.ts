import { presets } from "@proxyless/core";
import type { PolicyView, ServicePolicy } from "@proxyless/core";

type Fields = Readonly<Record<string, unknown>>;

/** Which fields were given: those at the ends of the tree. */
interface Given {
  [key: string]: Given | true;
}

/**
 * What a document has to say so that a policy lies below everything that the user gave: the user's document, with those
 * fields of the policy that neither it nor the code says anything of.
 * @param below the control plane's
 * @param own the user's document for this service
 * @param view what is in force, where the service is in use: it knows what was given in code
 */
export function layBelow(
  below: ServicePolicy,
  own: ServicePolicy | undefined,
  view: PolicyView | undefined,
): ServicePolicy {
  const preset = own?.preset === undefined ? {} : presets[own.preset];
  let rest: Fields = { ...below };
  for (const given of [{ ...own }, { ...preset }, givenInCode(view)]) rest = without(rest, given);
  if (limitsItself(own, view)) rest = without(rest, { bulkhead: false });
  rest = fitting(rest, view);
  return merged(rest, { ...own });
}

/** What the code gave, by its fields and presets; the values do not matter. */
function givenInCode(view: PolicyView | undefined): Given {
  const given: Given = {};
  for (const [path, origin] of Object.entries(view?.origins ?? {})) {
    if (origin !== "service" && !origin.startsWith("preset:")) continue;
    let at = given;
    const keys = path.split(".");
    const last = keys.pop() ?? path;
    for (const key of keys) {
      const next: Given = at[key] instanceof Object ? at[key] : {};
      at[key] = next;
      at = next;
    }
    at[last] ??= true;
  }
  return given;
}

/** Fields that nobody else gave. A balancer is one thing, whatever fields it has. */
function without(fields: Fields, given: Fields): Fields {
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const other = given[key];
    if (other === undefined) rest[key] = value;
    else if (key !== "balancer" && isFields(value) && isFields(other)) {
      const inner = without(value, other);
      if (Object.keys(inner).length > 0) rest[key] = inner;
    }
  }
  // Half a bulkhead is none.
  if (isFields(rest["bulkhead"]) && rest["bulkhead"]["maxConcurrent"] === undefined) delete rest["bulkhead"];
  return rest;
}

function merged(below: Fields, own: Fields): Fields {
  const all: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(own)) {
    const under = all[key];
    all[key] = isFields(under) && isFields(value) ? merged(under, value) : value;
  }
  return all;
}

/** An adaptive limit is a bulkhead already, and the mesh refuses both together. */
function limitsItself(own: ServicePolicy | undefined, view: PolicyView | undefined): boolean {
  const given = own?.adaptiveConcurrency ?? view?.values["adaptiveConcurrency"];
  return given !== undefined && given !== false;
}

/** A limit for connecting that is longer than the one for an attempt would raise that, which is the user's. */
function fitting(fields: Fields, view: PolicyView | undefined): Fields {
  const timeout = fields["timeout"];
  const inForce = view?.values["timeout"];
  if (!isFields(timeout) || !isFields(inForce)) return fields;
  const { connectMs } = timeout;
  const { attemptMs } = inForce;
  if (typeof connectMs !== "number" || typeof attemptMs !== "number" || connectMs <= attemptMs) return fields;
  return { ...fields, timeout: { ...timeout, connectMs: attemptMs } };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
