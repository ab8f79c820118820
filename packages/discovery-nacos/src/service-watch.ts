import type { Sink, Snapshot, WatchContext, WatchHandle } from "@proxyless/core";
import { Backoff, inTurns, LastSnapshot, SourceError, watchLoop } from "@proxyless/core/discovery";
import type { Sliceable, WatchRound } from "@proxyless/core/discovery";

import { Freshness } from "./freshness.ts";
import { decodeHosts } from "./host-entry.ts";
import { listRequest, readList } from "./list-answer.ts";
import type { ListAnswer } from "./list-answer.ts";
import { nacosError } from "./nacos-http.ts";
import type { NacosHttp } from "./nacos-http.ts";
import type { Settings } from "./options.ts";

const usualIntervalMs = 10_000;
const leastIntervalMs = 1000;
const mostIntervalMs = 30_000;

/** Asks for one service again and again. */
export class ServiceWatch {
  readonly #settings: Settings;
  readonly #http: NacosHttp;
  readonly #service: string;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #freshness = new Freshness();
  #asked: URL;
  readonly #last = new LastSnapshot();

  constructor(
    { settings, http }: { readonly settings: Settings; readonly http: NacosHttp },
    service: string,
    sink: Sink,
    context: WatchContext,
  ) {
    this.#settings = settings;
    this.#http = http;
    this.#service = service + settings.nameSuffix;
    this.#sink = sink;
    this.#context = context;
    this.#asked = http.base;
  }

  start(): WatchHandle {
    // Trouble is no reason to ask less often than there is nothing new.
    const mostMs = Math.min(this.#settings.intervalMs ?? usualIntervalMs, mostIntervalMs);
    return watchLoop(this.#sink, this.#context, {
      backoff: new Backoff(100, mostMs),
      round: (round) => this.#round(round),
      onTrouble: (error) => this.#http.trouble(error, this.#asked),
    });
  }

  async #round(round: WatchRound): Promise<number> {
    const answer = await this.#ask(round.signal);
    this.#http.good();
    const intervalMs = this.#intervalMs(answer);
    const { clock, random } = this.#context;
    if (!this.#freshness.accept(answer.lastRefTime, clock.now(), intervalMs)) {
      const what = `service ${this.#service}: Nacos gave an older list than before (${answer.lastRefTime})`;
      throw new SourceError("protocol-reset", `${what}; it is ignored`);
    }
    const snapshot = await inTurns(this.#news(answer), this.#context);
    if (snapshot === undefined) this.#sink.alive();
    else this.#sink.snapshot(snapshot);
    round.good();
    return intervalMs * (0.9 + 0.1 * random());
  }

  async #ask(signal: AbortSignal): Promise<ListAnswer> {
    const { connection, clusters } = this.#settings;
    const { clock } = this.#context;
    const what = `service ${this.#service}`;
    this.#asked = this.#http.base;
    const { response } = await this.#http.ask(
      (api) => listRequest(api, this.#service, clusters, connection),
      "watch",
      clock,
      signal,
    );
    const isAnswer = response.status === 200;
    const answer = isAnswer ? await inTurns(readList(what, response.pieces), { clock, signal }) : undefined;
    if (answer === undefined) throw nacosError(what, response, clock.wallNow());
    return answer;
  }

  /** @returns what to tell; undefined where nothing changed */
  *#news({ hosts, isProtected }: ListAnswer): Sliceable<Snapshot | undefined> {
    const { weightBase } = this.#settings;
    const { endpoints, skipped } = yield* decodeHosts(hosts, {
      service: this.#service,
      weightBase,
      isProtected,
    });
    if (endpoints.length === 0 && skipped > 0) {
      throw new SourceError("data", `service ${this.#service}: none of ${skipped} entries has an address`);
    }
    return yield* this.#last.next({
      // Nacos answers for a name that nobody registered as for one without instances.
      kind: "bound",
      endpoints,
      trust: "authoritative",
      ...(skipped === 0 ? {} : { skipped }),
    });
  }

  #intervalMs({ cacheMillis = usualIntervalMs }: ListAnswer): number {
    const said = Math.min(Math.max(cacheMillis, leastIntervalMs), mostIntervalMs);
    return this.#settings.intervalMs ?? said;
  }
}
