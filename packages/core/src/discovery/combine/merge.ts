import { hash } from "node:crypto";

import { aborted } from "../../aborted.ts";
import { Alarm } from "../alarm.ts";
import { hostPort } from "../host.ts";
import type { DirectoryEndpoint } from "../resolution.ts";
import type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Endpoint,
  Sink,
  Snapshot,
  Target,
  WatchContext,
  WatchHandle,
} from "../source.ts";
import { usualMaxAgeMs } from "./cache-options.ts";
import { readSources, resolveMerge } from "./merge-options.ts";
import type { MergeOptions, MergeSettings } from "./merge-options.ts";
import { MergePart } from "./merge-part.ts";
import type { MergePartOwner } from "./merge-part.ts";

const maxPriority = 65_535;

/**
 * Several sources as one: registries during a migration, or datacenters of which the near one comes first. A source that
 * fails, answers nothing or says "none" takes nothing away from the others; each has the protections that it would have
 * alone. Where two list the same address, the first one's entry counts.
 *
 * Ids become `label/id`, and errors begin with `[label]`.
 * @param sources by label; their order is the order of preference
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad label, something that is no source, or an option out of its range
 */
export function merge(
  sources: Readonly<Record<string, DiscoverySource>>,
  options: MergeOptions = {},
): DiscoverySource {
  const parts = readSources(sources);
  const settings = resolveMerge(options);
  const debounces = parts.map(([, { debounceMs }]) => debounceMs).filter((ms) => ms !== undefined);
  // One list is as old as its shortest-lived part allows.
  const ages = parts.map(([, { cacheMaxAgeMs }]) => cacheMaxAgeMs ?? usualMaxAgeMs);
  const scope = JSON.stringify([settings.mode, settings.priorityStep]);
  return {
    name: "merge",
    // An answer that would take all of one part away is no less doubtful because others have some.
    protectsItself: true,
    ...(debounces.length < parts.length ? undefined : { debounceMs: Math.max(...debounces) }),
    cacheMaxAgeMs: Math.min(...ages),
    key: (target) => {
      const keys = parts.map(([label, source]) => [label, source.name, source.key(target)]);
      return `merge:${hash("sha256", JSON.stringify([scope, keys])).slice(0, 16)}:${target.service}`;
    },
    watch: (target, sink, context) => new MergedWatch(parts, target, sink, context, settings).open(),
    close: async () => {
      await Promise.allSettled(parts.map(async ([, source]) => source.close?.()));
    },
  };
}

/** An endpoint of a part as the merged list has it. */
interface Entry {
  readonly endpoint: Endpoint;
  readonly address: string;
}

class MergedWatch implements MergePartOwner {
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #settings: MergeSettings;
  readonly #parts: readonly MergePart[];
  readonly #entries: readonly WeakMap<DirectoryEndpoint, Entry>[];
  /** Those who never answered are waited for no longer. */
  readonly #settle: Alarm;
  /** A part that came back may be preferred. */
  readonly #failback: Alarm;
  #isSettled = false;
  #hasTold = false;
  #isOpening = true;

  constructor(
    sources: readonly (readonly [string, DiscoverySource])[],
    target: Target,
    sink: Sink,
    context: WatchContext,
    settings: MergeSettings,
  ) {
    const { maxEndpoints } = settings;
    this.#sink = sink;
    this.#context = context;
    this.#settings = settings;
    this.#parts = sources.map(
      ([label, source]) => new MergePart({ label, source, target, context, maxEndpoints }, this),
    );
    this.#entries = sources.map(() => new WeakMap());
    this.#settle = new Alarm(context.clock, () => {
      this.#isSettled = true;
      this.changed(false);
    });
    this.#failback = new Alarm(context.clock, () => {
      this.changed(false);
    });
  }

  open(): WatchHandle {
    const { signal } = this.#context;
    const done = this.#run(signal);
    return {
      refresh: (reason) => {
        for (const part of this.#parts) part.refresh(reason);
      },
      done,
    };
  }

  changed(explicit: boolean): void {
    if (this.#isOver) return;
    if (this.#parts.every(({ kind }) => kind !== "none")) this.#isSettled = true;
    if (this.#isSettled) this.#settle.clear();
    // Nobody has said anything: there is nothing to tell, not even that there is nothing.
    if (this.#parts.every(({ kind }) => kind === "none")) return;
    const endpoints = this.#endpoints();
    const known = this.#parts.filter(({ kind }) => kind !== "none");
    const isAbsent = endpoints.length === 0 && known.every(({ kind }) => kind === "absent");
    const isCached = known.every(({ isDiskAlone }) => isDiskAlone);
    const trouble = this.#trouble();
    const unheard = this.#parts.flatMap((part) => part.unheard.map((each) => `${part.label}/${each}`));
    const { clock } = this.#context;
    const ageMs = Math.max(0, clock.now() - Math.max(...known.map(({ aliveAt }) => aliveAt)));
    const skipped = known.reduce((sum, part) => sum + part.skipped, 0);
    const snapshot: Snapshot = {
      kind: isAbsent ? "absent" : "bound",
      endpoints,
      trust: isCached ? "cached" : this.#isSettled ? "authoritative" : "suspect",
      ageMs,
      ...(explicit ? { explicitRemovals: true } : undefined),
      ...(skipped === 0 ? undefined : { skipped }),
      ...(trouble === undefined ? undefined : { trouble }),
      ...(unheard.length === 0 ? undefined : { unheard }),
    };
    if (endpoints.length > 0 || this.#isSettled) this.#hasTold = true;
    this.#sink.snapshot(snapshot);
  }

  confirmed(): void {
    if (this.#isOver) return;
    if (!this.#parts.every(({ isWell }) => isWell)) {
      // Said again, because "alive" would mean all of it.
      this.changed(false);
      return;
    }
    const oldest = Math.min(...this.#parts.map(({ aliveAt }) => aliveAt));
    this.#sink.alive(Math.max(0, this.#context.clock.now() - oldest));
  }

  failed(part: MergePart, error: DiscoveryError): void {
    if (this.#isOver) return;
    if (this.#hasTold) {
      this.#sink.error(error);
      return;
    }
    // While another one may still answer, a refusal by this one is no reason to give up.
    if (this.#parts.some((other) => other.error === undefined)) return;
    const others = this.#parts.filter((other) => other !== part);
    for (const each of [...others, part]) if (each.error !== undefined) this.#sink.error(each.error);
  }

  notice(part: MergePart, notice: DiscoveryNotice): void {
    if (this.#isOver) return;
    this.#sink.notice?.({ topic: notice.topic, message: `[${part.label}] ${notice.message}` });
  }

  get #isOver(): boolean {
    return this.#isOpening || this.#context.signal.aborted;
  }

  async #run(signal: AbortSignal): Promise<void> {
    // The sink must hear nothing before the caller has its handle, whatever a part does.
    await Promise.resolve();
    if (!signal.aborted) {
      this.#isOpening = false;
      this.#settle.set(this.#settings.settleMs);
      for (const part of this.#parts) part.open();
      await aborted(signal);
    }
    this.#settle.clear();
    this.#failback.clear();
    await Promise.all(this.#parts.map((part) => part.close()));
  }

  #trouble(): DiscoveryError | undefined {
    for (const { error, isFromDisk, kind, label } of this.#parts) {
      if (error !== undefined) return error;
      if (kind === "none" && this.#isSettled) {
        return { class: "transient", message: `[${label}] no answer yet` };
      }
      if (isFromDisk)
        return { class: "transient", message: `[${label}] no answer yet, the list is from a disk` };
    }
    return undefined;
  }

  /** The lists of all parts, each address once: whoever lists it for real comes before those who keep it as a last resort. */
  #endpoints(): readonly Endpoint[] {
    const damped = this.#damped();
    const addresses = new Set<string>();
    const merged: Endpoint[] = [];
    for (const isHeld of [false, true]) {
      for (const [i, part] of this.#parts.entries()) {
        if (damped.has(part)) continue;
        for (const known of part.endpoints) {
          if (known.held !== isHeld) continue;
          const { address, endpoint } = this.#entry(i, known);
          if (addresses.has(address)) continue;
          addresses.add(address);
          merged.push(endpoint);
        }
      }
    }
    return merged;
  }

  /** Parts that came back too lately to be preferred. */
  #damped(): ReadonlySet<MergePart> {
    const { failbackMs, mode } = this.#settings;
    const damped = new Set<MergePart>();
    if (mode === "union" || failbackMs === 0) return damped;
    const now = this.#context.clock.now();
    let next = Infinity;
    for (const part of this.#parts) {
      if (part.returnedAt === undefined || part.endpoints.length === 0) continue;
      const left = part.returnedAt + failbackMs - now;
      if (left <= 0) continue;
      damped.add(part);
      next = Math.min(next, left);
    }
    if (Number.isFinite(next)) this.#failback.set(next);
    else this.#failback.clear();
    const hasOthers = this.#parts.some((part) => !damped.has(part) && part.endpoints.length > 0);
    return hasOthers ? damped : new Set();
  }

  #entry(i: number, known: DirectoryEndpoint): Entry {
    const entries = this.#entries[i]!;
    const made = entries.get(known);
    if (made !== undefined) return made;
    const { held, ...rest } = known;
    const { mode, priorityStep } = this.#settings;
    const own = mode === "failover" && !held ? Math.min(rest.priority, priorityStep - 1) : rest.priority;
    const offset = mode === "failover" ? i * priorityStep : 0;
    const entry: Entry = {
      endpoint: Object.freeze({
        ...rest,
        id: `${this.#parts[i]!.label}/${rest.id}`,
        priority: Math.min(maxPriority, own + offset),
      }),
      address: hostPort(rest.host, rest.port),
    };
    entries.set(known, entry);
    return entry;
  }
}
