import type { Section } from "./field.ts";
import { aroundSections } from "./sections/around.ts";
import { callSections } from "./sections/calls.ts";
import { choiceSections } from "./sections/choice.ts";
import { limitSections } from "./sections/limits.ts";

/**
 * Everything that a policy can say. The JSON Schema, the list of fields, the laying of one policy over another and the dump of
 * what is in force are all made of this table: a new section is one entry.
 */
export const sections: readonly Section[] = [
  ...callSections,
  ...limitSections,
  ...aroundSections,
  ...choiceSections,
];

const ofService = byKey(sections.filter(({ of }) => of !== "route"));
const ofRoute = byKey(sections.filter(({ of }) => of !== "service"));

/** The sections of a service's policy, or of a route's. */
export function sectionsOf(kind: "service" | "route"): ReadonlyMap<string, Section> {
  return kind === "service" ? ofService : ofRoute;
}

function byKey(list: readonly Section[]): ReadonlyMap<string, Section> {
  return new Map(list.map((section) => [section.key, section]));
}
