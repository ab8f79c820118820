import type { Field, GroupField, Need, Section } from "./field.ts";
import type { PresetName } from "./presets.ts";
import { sectionsOf } from "./sections.ts";

/** Where a value comes from. `call` is an option of one call, `swap` a document that was put in force while running. */
export type PolicyOrigin =
  | "default"
  | `preset:${PresetName}`
  | "service"
  | "route"
  | "call"
  | `swap:${string}`;

type Given = Readonly<Record<string, unknown>>;

/** A policy as somebody wrote it, and who that was. */
export interface PolicyLayer {
  readonly origin: PolicyOrigin;
  readonly given: Given;
}

/** A value and the layer it is of; of a group each field has its own. */
type Node =
  | { readonly origin: PolicyOrigin; readonly value: unknown; readonly fields?: undefined }
  | { readonly origin: PolicyOrigin; readonly fields: ReadonlyMap<string, Node> };

/** Several layers as one policy. It is what a resolver takes, and knows whose each field is. */
export class LaidPolicy {
  readonly #root: Node;

  constructor(root: Node) {
    this.#root = root;
  }

  /** The policy, as if one had written all of it. */
  get given(): Given {
    const value = plain(this.#root);
    return isPlainObject(value) ? value : {};
  }

  /** Who gave the value at a path; undefined where nobody did. */
  originOf(path: readonly string[]): PolicyOrigin | undefined {
    let node: Node | undefined = this.#root;
    for (const key of path) {
      if (node.fields === undefined) return node.origin;
      node = node.fields.get(key);
      if (node === undefined || isNothing(node)) return undefined;
    }
    return node.origin;
  }
}

/**
 * Lays policies over each other, the first lowest. What a later one gives stands; what an earlier one gives stays as far as it
 * does not contradict that, as a default would: a `totalMs` of 500 over a preset's `attemptMs` of 10,000 leaves the latter to be
 * worked out. Nothing is checked here but by the way: that is the resolvers' business, and they get what is wrong as it is.
 */
export function layPolicies(layers: readonly PolicyLayer[], kind: "service" | "route"): LaidPolicy {
  const known = sectionsOf(kind);
  const root = new Map<string, Node>();
  for (const { given, origin } of layers) {
    for (const [key, value] of Object.entries(given)) {
      root.set(key, laid(known.get(key), root.get(key), value, origin));
    }
  }
  return new LaidPolicy({ origin: "default", fields: root });
}

/** Of a policy what only code can say, for a document to be laid over: functions, and balancers of one's own. */
export function codeOf(given: Given, kind: "service" | "route"): Given {
  const known = sectionsOf(kind);
  const found = Object.entries(given).map(([key, value]): [string, unknown] => {
    const section = known.get(key);
    return [key, section === undefined ? undefined : codeIn(section.field, value)];
  });
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

/** Whether a field means something beside this value of the other. */
export function isMet({ values }: Need, value: unknown): boolean {
  return values === undefined ? value !== false && value !== 0 : values.some((legal) => legal === value);
}

/** Whether something is an object as JSON has them. */
export function isPlainObject(value: unknown): value is Given {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function codeIn(field: Field, value: unknown): unknown {
  if (field.kind === "group" && isPlainObject(value)) {
    const inside = Object.entries(field.fields).map(([key, child]): [string, unknown] => [
      key,
      codeIn(child, value[key]),
    ]);
    const code = inside.filter(([, own]) => own !== undefined);
    return code.length === 0 ? undefined : Object.fromEntries(code);
  }
  const mayBeCode =
    field.kind === "code" || (field.kind === "union" && field.of.some(({ kind }) => kind === "code"));
  const isCode =
    typeof value === "function" || (typeof value === "object" && value !== null && !isPlainObject(value));
  // An object that behaves is code, whatever made it.
  const behaves = isPlainObject(value) && Object.values(value).some((own) => typeof own === "function");
  return mayBeCode && (isCode || behaves) ? value : undefined;
}

function laid(
  section: Section | undefined,
  below: Node | undefined,
  value: unknown,
  origin: PolicyOrigin,
): Node {
  if (value === undefined) return below ?? nodeOf(value, origin);
  if (section?.merge !== "whole") return merged(section?.field, below, value, origin);
  const own = nodeOf(value, origin);
  if (own.fields === undefined || below?.fields === undefined || section.field.kind !== "group") return own;
  return { origin, fields: withCode(section.field, own.fields, below.fields) };
}

/** What only code can say stays, unless something took its place. */
function withCode(
  { fields }: GroupField,
  own: ReadonlyMap<string, Node>,
  below: ReadonlyMap<string, Node>,
): ReadonlyMap<string, Node> {
  const all = new Map(own);
  for (const [key, node] of below) {
    const field = fields[key];
    const isCode = field?.kind === "code" || typeof plain(node) === "function";
    if (field === undefined || !isCode || !isNothing(all.get(key))) continue;
    if (field.kind === "code" && field.insteadOf !== undefined && own.has(field.insteadOf)) continue;
    all.set(key, node);
  }
  return all;
}

function merged(
  field: Field | undefined,
  below: Node | undefined,
  value: unknown,
  origin: PolicyOrigin,
): Node {
  if (value === undefined) return below ?? nodeOf(value, origin);
  // Turning on what is on changes nothing about it.
  if (value === true && field?.on === true && below?.fields !== undefined) return below;
  const isGroup = field === undefined || field.kind === "group";
  if (!isPlainObject(value) || !isGroup || below?.fields === undefined) return nodeOf(value, origin);
  const all = new Map(below.fields);
  const own = new Set<string>();
  for (const [key, child] of Object.entries(value)) {
    all.set(key, merged(field?.fields[key], all.get(key), child, origin));
    if (child !== undefined) own.add(key);
  }
  if (field !== undefined) giveWay(field, all, own);
  return { origin, fields: all };
}

/** Takes out of a group what contradicts those of its fields that were given last. */
function giveWay(
  { excludes = [], needs = [], order = [], yields = [] }: GroupField,
  all: Map<string, Node>,
  own: ReadonlySet<string>,
): void {
  const drop = (key: string): void => {
    if (!own.has(key)) all.delete(key);
  };
  for (const [first, second] of excludes) {
    if (own.has(first)) drop(second);
    if (own.has(second)) drop(first);
  }
  for (const [least, most] of order) {
    const [low, high] = [valueOf(all.get(least)), valueOf(all.get(most))];
    if (typeof low !== "number" || typeof high !== "number" || low <= high) continue;
    if (own.has(least)) drop(most);
    else drop(least);
  }
  for (const need of needs) {
    if (own.has(need.of) && !isMet(need, valueOf(all.get(need.of)))) drop(need.field);
  }
  for (const { field, of, when } of yields) {
    if (own.has(of) && when(valueOf(all.get(of)))) drop(field);
  }
}

/** A plain object that can build pickers is a balancer of one's own, and stays what it is. */
function nodeOf(value: unknown, origin: PolicyOrigin): Node {
  return isPlainObject(value) && typeof value["build"] !== "function"
    ? groupOf(value, origin)
    : { origin, value };
}

function groupOf(value: Given, origin: PolicyOrigin): Node {
  // What is there and undefined stays: a field that does not exist is refused whatever its value.
  const children = Object.entries(value).map(([key, child]): [string, Node] => [key, nodeOf(child, origin)]);
  return { origin, fields: new Map(children) };
}

/** Nobody gave it, or somebody gave `undefined`, which is the same. */
function isNothing(node: Node | undefined): boolean {
  return node === undefined || (node.fields === undefined && node.value === undefined);
}

function valueOf(node: Node | undefined): unknown {
  return node === undefined || node.fields !== undefined ? undefined : node.value;
}

function plain(node: Node): unknown {
  if (node.fields === undefined) return node.value;
  return Object.fromEntries(Array.from(node.fields, ([key, child]) => [key, plain(child)]));
}
