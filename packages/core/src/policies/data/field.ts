import type { RoutePolicy, ServicePolicy } from "../policy.ts";

/** What JSON can write. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface Described {
  /** What it does, in a sentence or two. */
  readonly description: string;
  /** What holds where nothing is given; absent where that depends on other fields. */
  readonly default?: Json | undefined;
  /** Legal values, for those who write some and for what a schema cannot say. */
  readonly examples?: readonly Json[] | undefined;
  /** What is checked besides, because a schema cannot say it. */
  readonly check?: string | undefined;
  /** `false` is legal as well, and turns it off. */
  readonly off?: boolean | undefined;
  /** `true` is legal as well, and turns it on with every default. */
  readonly on?: boolean | undefined;
  /** May hold a secret: dumps do not show it. */
  readonly hidden?: boolean | undefined;
}

export interface NumberField extends Described {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  /** `min` itself is not legal. */
  readonly above?: boolean | undefined;
  readonly integer?: boolean | undefined;
}

export interface FlagField extends Described {
  readonly kind: "flag";
}

export interface ChoiceField extends Described {
  readonly kind: "choice";
  readonly of: readonly Json[];
}

export interface TextField extends Described {
  readonly kind: "text";
  /** A regular expression (ECMAScript, `u`) that it matches. */
  readonly pattern?: string | undefined;
}

export interface ListField extends Described {
  readonly kind: "list";
  readonly of: Field;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
}

/** Any names, each with a value of one kind. */
interface MapField extends Described {
  readonly kind: "map";
  readonly of: Field;
  /** A regular expression that each name matches. */
  readonly names?: string | undefined;
  readonly minEntries?: number | undefined;
}

/** Of two fields the first means something only beside certain values of the second; by default anything but `false` and 0. */
export interface Need {
  readonly field: string;
  readonly of: string;
  readonly values?: readonly Json[] | undefined;
}

/** What an earlier layer says of a field is dropped where a later one says `of` with a value beside which it means nothing. */
export interface Yield {
  readonly field: string;
  readonly of: string;
  readonly when: (value: unknown) => boolean;
}

export interface GroupField extends Described {
  readonly kind: "group";
  readonly fields: Readonly<Record<string, Field>>;
  readonly required?: readonly string[] | undefined;
  /** Of each pair the first is not above the second. */
  readonly order?: readonly (readonly [least: string, most: string])[] | undefined;
  /** Of each pair there is one at most. */
  readonly excludes?: readonly (readonly [string, string])[] | undefined;
  readonly needs?: readonly Need[] | undefined;
  readonly yields?: readonly Yield[] | undefined;
  /** What must be there unless it is inherited. */
  readonly requiredAlone?: readonly string[] | undefined;
  /** Further rules, as JSON Schema. */
  readonly rules?: readonly Json[] | undefined;
  /** Rules that hold where nothing is inherited, as JSON Schema. */
  readonly rulesAlone?: readonly Json[] | undefined;
}

/** One of several things. */
interface UnionField extends Described {
  readonly kind: "union";
  readonly of: readonly Field[];
}

/** Anything that JSON can write. */
interface JsonField extends Described {
  readonly kind: "json";
}

/** A function, or an object of the user's own: given in code, and in no document. */
interface CodeField extends Described {
  readonly kind: "code";
  /** Another field that takes its place. */
  readonly insteadOf?: string | undefined;
}

/** One thing that a policy can say. */
export type Field =
  | NumberField
  | FlagField
  | ChoiceField
  | TextField
  | ListField
  | MapField
  | GroupField
  | UnionField
  | JsonField
  | CodeField;

/** A top-level field of a policy. */
export interface Section {
  readonly key: keyof ServicePolicy | keyof RoutePolicy;
  /** Whose policies have it. */
  readonly of: "service" | "route" | "both";
  readonly field: Field;
  /**
   * What a later layer does to an earlier one that has the section too: adds to it field by field, the default, or replaces
   * it as a whole.
   */
  readonly merge?: "fields" | "whole" | undefined;
  /** Where it stands in a resolved policy in other words than in a given one, dumps show what was given. */
  readonly isRestated?: boolean | undefined;
  /** Rules about it and its neighbours, as JSON Schema of the whole policy. */
  readonly rules?: readonly Json[] | undefined;
  /** Such rules that hold where nothing is inherited. */
  readonly rulesAlone?: readonly Json[] | undefined;
}
