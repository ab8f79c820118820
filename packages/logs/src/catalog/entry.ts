import type { MeshEventOf, MeshEventType } from "@proxyless/core";

import type { Level } from "../logger.ts";

/** The level of a type's lines: fixed, by the event, or none (`false`). */
export type LevelRule<T extends MeshEventType> = Level | false | ((event: MeshEventOf<T>) => Level | false);

/** What the log knows of one type of event. */
export interface Entry<T extends MeshEventType> {
  readonly level: LevelRule<T>;
  /** What is the same in two events that say the same, beside type, service and endpoint; `false`: no two say the same. */
  readonly same: false | ((event: MeshEventOf<T>) => unknown);
  /** One line for people, with the numbers that matter. */
  readonly say: (event: MeshEventOf<T>) => string;
}

/** The entries of some types. */
export type Entries<T extends MeshEventType> = { readonly [K in T]: Entry<K> };

/** The types that begin with a word. */
export type TypesOf<Family extends string> = Extract<MeshEventType, `${Family}.${string}`>;
