import type { Clock } from "../clock.ts";
import type { DiscoveryErrorClass } from "../errors.ts";
import type { Random } from "../random.ts";

/** What a registry says of an endpoint. Adapters label; they never filter. */
export type Health = "healthy" | "degraded" | "unhealthy" | "draining" | "starting" | "unknown";

/** Where an endpoint runs. */
export interface Locality {
  readonly region?: string;
  readonly zone?: string;
  readonly subZone?: string;
}

/** One address of a service, as a source reports it. */
export interface Endpoint {
  /** The registry's own identity of the instance: unique inside a snapshot, stable across snapshots. */
  readonly id: string;
  /** A host name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** `http` or `https`; the service's own setting when absent. */
  readonly scheme?: "http" | "https";
  /** The name that TLS verifies; the service's own setting when absent. */
  readonly serverName?: string;
  /** Relative share of traffic; 1 is normal, 0 receives none. */
  readonly weight: number;
  /** 0 is best; a higher number is used only when every better one has nothing usable. */
  readonly priority: number;
  readonly locality?: Locality;
  readonly health: Health;
  readonly version?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Everything a source knows of a service at one moment: total, never a delta. */
export interface Snapshot {
  /** `absent`: the registry positively says that the name does not exist. */
  readonly kind: "bound" | "absent";
  /**
   * All of them. An endpoint that was told never changes: one that did is another object, and the very object that was told
   * before is taken for the same endpoint without a look into it, which makes long lists cheap.
   */
  readonly endpoints: readonly Endpoint[];
  /**
   * `suspect`: it may be incomplete (filtered by access rules, cut short): it never removes what is known. `cached`: what
   * was known before this process began, from a disk: it counts only until the registry itself has answered with authority,
   * and below what a `suspect` answer lists.
   */
  readonly trust: "authoritative" | "suspect" | "cached";
  /** Opaque version of the registry (Consul index, etcd revision). */
  readonly revision?: string;
  /** How old the registry itself says the answer is, in milliseconds. */
  readonly ageMs?: number;
  /** Endpoints that were deliberately taken out since the last snapshot (deregistered, draining): their removal is not held back. */
  readonly explicitRemovals?: boolean;
  /** Entries that could not be understood and were left out. */
  readonly skipped?: number;
  /** A part of the list is the last that was known, and this is why: the list counts, and the trouble goes on. */
  readonly trouble?: DiscoveryError;
  /**
   * Beginnings of the ids of endpoints of which this watch has not heard yet (those of a registry, of a DNS target): they are
   * not in the list, and may exist all the same. For them `withCache` lets the disk speak, and for nobody else.
   */
  readonly unheard?: readonly string[];
}

/** Trouble of a source, with its class. It never changes what is known. */
export interface DiscoveryError {
  readonly class: DiscoveryErrorClass;
  readonly message: string;
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
}

/** What a source drives. Calls after the watch was aborted are ignored. */
export interface Sink {
  /** The whole list, whether or not it changed. */
  snapshot(snapshot: Snapshot): void;
  /** The registry confirmed that nothing changed; `ageMs` is how old it says its own knowledge is. */
  alive(ageMs?: number): void;
  error(error: DiscoveryError): void;
  /** Something that people should know and that is no trouble of the source; it becomes an event. */
  notice?(notice: DiscoveryNotice): void;
}

/** What a source noticed beside its answers. */
export interface DiscoveryNotice {
  /** One word: `cache`, `merge`. */
  readonly topic: string;
  readonly message: string;
}

/** What to look up. */
export interface Target {
  readonly service: string;
}

/** A running watch. */
export interface WatchHandle {
  /** Asks the source to look again soon; it may ignore it. The directory rate-limits these. */
  refresh?(reason: string): void;
  /** Settles once every socket and timer of the watch is gone after its signal aborted. Never rejects. */
  readonly done: Promise<void>;
}

/** What a watch gets from the directory. */
export interface WatchContext {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  /** What the directory's options ask of a source that `protectsItself`; the source's own values where they say nothing. */
  readonly protection?: SourceProtection;
}

/** How doubtful answers are held back; see the directory's options of the same names. */
export interface SourceProtection {
  readonly emptyHoldMs?: number | undefined;
  readonly maxShrinkRatio?: number | undefined;
}

/** A kind of registry. Anything that implements this can feed a mesh; `sourceContract` of `/testing` checks it. */
export interface DiscoverySource {
  /** Shown in events and dumps (`consul`, `static`). */
  readonly name: string;
  /**
   * Watches of this source with the same key share one upstream watch, and a list is kept on a disk by it: it includes
   * everything that changes the answer, and nothing that is secret or made of a secret, because it is shown.
   */
  key(target: Target): string;
  /** Starts to watch. Never throws, never gives up before the signal aborts, never calls the sink before it returns. */
  watch(target: Target, sink: Sink, context: WatchContext): WatchHandle;
  /** How long an empty answer is held back while endpoints are known, in milliseconds; 30,000 by default. */
  readonly emptyHoldMs?: number;
  /**
   * It holds doubtful answers back by itself, as {@link WatchContext.protection} asks, so that the directory takes its word:
   * for what is put together from several sources and has to doubt each of them.
   */
  readonly protectsItself?: boolean;
  /** How long changes are collected before they are told, in milliseconds; 20 by default. */
  readonly debounceMs?: number;
  /**
   * How often, at least, a watch that is well says anything at all (a snapshot, `alive`, an error), in milliseconds. One
   * that is silent for twice as long is asked to look, and after three times as long it is ended and opened again.
   * Absent: it may be silent for ever, and knows itself when its connection is dead.
   */
  readonly aliveEveryMs?: number;
  /** How old a list on a disk may be and still be used, in milliseconds; 24 hours by default. Addresses that are soon reused want less. */
  readonly cacheMaxAgeMs?: number;
  /** How long endpoints are served that the source cannot confirm, in milliseconds; for ever by default. */
  readonly maxStaleMs?: number;
  /** What becomes of known endpoints when an answer makes no sense; `keep` by default. */
  readonly onDataError?: "keep" | "drop";
  /** Ends what the source shares between watches (connections). */
  close?(): Promise<void>;
}
