import { aborted } from "../aborted.ts";
import type { SourceDeclarations } from "../discovery/combine/declarations.ts";
import type {
  DiscoveryError,
  DiscoverySource,
  Endpoint,
  Sink,
  WatchContext,
  WatchHandle,
} from "../discovery/source.ts";
import { snapshotOf } from "../discovery/static-source.ts";

/** One watch that a {@link FakeSource} was asked for. */
export interface FakeWatch {
  readonly service: string;
  /** What the directory gave; a test may call it at any time, with anything, even after the abort. */
  readonly sink: Sink;
  readonly signal: AbortSignal;
  readonly context: WatchContext;
  /** The reasons of the refresh hints, oldest first. */
  readonly refreshes: readonly string[];
  /** Ends the watch as a broken source would: `done` settles although nobody asked for it. */
  end(): void;
}

export interface FakeSourceOptions extends SourceDeclarations {
  /** `fake` by default. */
  readonly name?: string;
  /** Takes the place of `watch`, for sources that break their contract. */
  readonly watch?: (watch: FakeWatch) => WatchHandle;
  /** It answers new watches only by `put`, `push` and the like; `false` by default. */
  readonly silent?: boolean;
}

/** A registry in a test's hand: it says what it is told to say, and remembers what it was asked. */
export interface FakeSource extends DiscoverySource {
  /** Every watch so far, oldest first. */
  readonly watches: readonly FakeWatch[];
  /** How many of them have not been aborted. */
  readonly open: number;
  /** How often it was closed. */
  readonly closed: number;
  /** What was put last. */
  endpoints(service: string): readonly Endpoint[];
  /** Sets the endpoints of a service and tells the watches, unless the connection is broken. */
  put(service: string, endpoints: readonly Endpoint[]): void;
  /** Takes one endpoint out and tells the watches. */
  remove(service: string, id: string): void;
  /** Forgets a service: it is absent. */
  delete(service: string): void;
  /** Tells the watches of a service that nothing changed. */
  alive(service: string, ageMs?: number): void;
  fail(service: string, error: DiscoveryError): void;
  /** Gives the watches of a service anything at all as a snapshot. */
  push(service: string, snapshot: unknown): void;
  /** From now on changes are not told; every watch gets a `transient` error. */
  breakConnection(): void;
  /** Ends that, and tells every watch how things stand. */
  restore(): void;
}

/** Makes one. It does nothing of its own accord but answer a new watch in a microtask. */
export function fakeSource(options: FakeSourceOptions = {}): FakeSource {
  const { name = "fake", silent, watch: takesPlace, ...declarations } = options;
  const services = new Map<string, readonly Endpoint[]>();
  const watches: FakeWatch[] = [];
  let broken = false;
  let closed = 0;
  const openWatches = (service?: string): FakeWatch[] =>
    watches.filter((watch) => !watch.signal.aborted && (service === undefined || watch.service === service));
  const report = (watch: FakeWatch): void => {
    if (broken) watch.sink.error({ class: "transient", message: "connection lost" });
    else watch.sink.snapshot(snapshotOf(services.get(watch.service)));
  };
  const tell = (service: string): void => {
    if (!broken) openWatches(service).forEach(report);
  };

  return {
    ...declarations,
    name,
    watches,
    get open() {
      return openWatches().length;
    },
    get closed() {
      return closed;
    },
    key: ({ service }) => service,
    watch({ service }, sink, context) {
      const { signal } = context;
      const refreshes: string[] = [];
      const ended = new AbortController();
      const watch: FakeWatch = {
        service,
        sink,
        signal,
        context,
        refreshes,
        end: () => {
          ended.abort();
        },
      };
      watches.push(watch);
      if (takesPlace !== undefined) return takesPlace(watch);
      queueMicrotask(() => {
        if (!signal.aborted && silent !== true) report(watch);
      });
      return {
        refresh: (reason) => {
          refreshes.push(reason);
        },
        done: aborted(AbortSignal.any([signal, ended.signal])),
      };
    },
    async close() {
      closed++;
    },
    endpoints: (service) => services.get(service) ?? [],
    put(service, endpoints) {
      services.set(service, [...endpoints]);
      tell(service);
    },
    remove(service, id) {
      const before = services.get(service) ?? [];
      services.set(
        service,
        before.filter((endpoint) => endpoint.id !== id),
      );
      tell(service);
    },
    delete(service) {
      services.delete(service);
      tell(service);
    },
    alive(service, ageMs) {
      for (const { sink } of openWatches(service)) sink.alive(ageMs);
    },
    fail(service, error) {
      for (const { sink } of openWatches(service)) sink.error(error);
    },
    push(service, snapshot) {
      for (const { sink } of openWatches(service)) {
        const anything: { snapshot(value: unknown): void } = sink;
        anything.snapshot(snapshot);
      }
    },
    breakConnection() {
      broken = true;
      openWatches().forEach(report);
    },
    restore() {
      broken = false;
      openWatches().forEach(report);
    },
  };
}

/** An endpoint for tests: healthy, weight 1, at a loopback address made from its id unless told otherwise. */
export function fakeEndpoint(id: string, patch: Partial<Endpoint> = {}): Endpoint {
  let hash = 0;
  for (const char of id) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
  const host = `127.${(hash >>> 16) & 255}.${(hash >>> 8) & 255}.${hash & 255}`;
  return { id, host, port: 8080, weight: 1, priority: 0, health: "healthy", metadata: {}, ...patch };
}
