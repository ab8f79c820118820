import type { DiscoverySource, Endpoint } from "../discovery/source.ts";

/**
 * A registry with a source on it, as the contract needs it. Leave out what the source cannot do, and say so in
 * {@link SourceContractOptions.without}.
 */
export interface SourceHarness {
  readonly source: DiscoverySource;
  /** Makes exactly these endpoints the registry's list of the service; resolves when the registry has taken it. */
  put?(service: string, endpoints: readonly Endpoint[]): Promise<void> | void;
  /** Takes one of them out again, by the id it was put with. */
  remove?(service: string, id: string): Promise<void> | void;
  /** Writes an entry that is no endpoint beside the others. */
  putMalformed?(service: string): Promise<void> | void;
  /** Cuts the source off from its registry, so that it notices. */
  breakConnection?(): Promise<void> | void;
  /** Ends that. */
  restore?(): Promise<void> | void;
  /**
   * Makes entries that are no endpoints everything that the registry has of the service. Where entries can be taken out
   * on purpose, write the good ones over instead.
   */
  putOnlyMalformed?(service: string): Promise<void> | void;
  /** Makes the registry wake its watchers although nothing changed. */
  touch?(service: string): Promise<void> | void;
  /** Keeps the connections open and lets no byte through; `restore` ends it. */
  silence?(): Promise<void> | void;
  /** For a source that cannot be written to: what it holds. */
  readonly fixed?: { readonly service: string; readonly endpoints: readonly Endpoint[] };
  /** Ends the registry; called after every case, when the source is already closed. */
  close(): Promise<void> | void;
}

/** What a harness may be able to do with its registry. */
export type SourceAbility = "put" | "remove" | "putMalformed" | "breakConnection";

/**
 * What a harness may be able to do besides; said in {@link SourceContractOptions.with}. `many`: `put` takes 10,000 endpoints
 * within the time of a case.
 */
export type OptionalSourceAbility = "putOnlyMalformed" | "touch" | "silence" | "many";

export interface SourceContractOptions {
  /** How long a case waits for something to happen, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  /** How long a case watches that nothing happens, in milliseconds; 100 by default. */
  readonly quietMs?: number;
  /** What the harness cannot do; the cases that need it are left out. Nothing by default. */
  readonly without?: readonly SourceAbility[];
  /** What the harness can do besides. Nothing by default. */
  readonly with?: readonly OptionalSourceAbility[];
}

export interface SourceCase {
  /** A sentence. */
  readonly name: string;
  /** Rejects with an `AssertionError` when the source breaks the contract. */
  readonly run: () => Promise<void>;
}
