import { hash } from "node:crypto";

import { sleep } from "@proxyless/core";
import type { Sink, WatchContext } from "@proxyless/core";

import { Backoff } from "./backoff.ts";
import { statusError, toConsulError, toDiscoveryError } from "./consul-error.ts";
import type { ConsulError } from "./consul-error.ts";
import { readAnswer } from "./health-answer.ts";
import type { ConsulHttp, ConsulResponse } from "./http-client.ts";
import { IndexCursor } from "./index-cursor.ts";
import type { ConsulMode, Settings } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { blockingDeadlineMs, healthPath } from "./query.ts";
import { accessQuestion, ageOf, doubtError, isHidden, judge } from "./trust.ts";
import type { Doubt } from "./trust.ts";
import type { WatchSlots } from "./watch-slots.ts";

/** What the watches of one source share. */
export interface WatchShared {
  readonly settings: Settings;
  readonly http: ConsulHttp;
  readonly slots: WatchSlots;
}

/** How often a server without a leader is asked, in milliseconds: it has no change to wait for. */
const leaderlessPollMs = 1000;

/**
 * Follows one service for ever: ask, wait for a change, tell. The loop has one rule for trouble of any kind: say it,
 * forget the index, wait, ask again; it never ends before its signal aborts.
 */
export class ServiceWatch {
  readonly #shared: WatchShared;
  readonly #service: string;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #cursor = new IndexCursor();
  readonly #backoff = new Backoff();
  readonly #pacer: Pacer;
  /** Cuts the present pause or long poll short. */
  #step = new AbortController();
  #isInterruptible = false;
  #hasSlot = false;
  /** The next query asks for an answer at once. */
  #hurry = false;
  /** The next query goes to the leader and its quorum: somebody doubts the last answer. */
  #confirm = false;
  #failuresInARow = 0;
  #digest = "";
  #nodes: readonly string[] = [];
  #doubt: Doubt | undefined;
  #isEmpty = false;

  constructor(shared: WatchShared, service: string, sink: Sink, context: WatchContext) {
    this.#shared = shared;
    this.#service = service;
    this.#sink = sink;
    this.#context = context;
    this.#pacer = new Pacer(context.clock.now());
  }

  /** Asks again soon, without waiting for a change; an empty answer is confirmed with the leader. */
  refresh(): void {
    this.#confirm = this.#isEmpty;
    this.#hurry = true;
    if (this.#isInterruptible) this.#step.abort();
  }

  /** Runs until the signal aborts; resolves when the last socket is let go. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#context;
    const onAbort = (): void => {
      this.#step.abort();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    // The sink must hear nothing before the caller has its handle.
    await Promise.resolve();
    while (!signal.aborted) {
      this.#step = new AbortController();
      // eslint-disable-next-line no-await-in-loop -- the loop is the watch
      const pauseMs = await this.#turn();
      // eslint-disable-next-line no-await-in-loop -- as above
      if (pauseMs > 0 && !signal.aborted) await this.#pause(pauseMs);
    }
    signal.removeEventListener("abort", onAbort);
    if (this.#hasSlot) this.#shared.slots.release();
  }

  /** One question and its answer. @returns how long to wait before the next, in milliseconds */
  async #turn(): Promise<number> {
    const { clock } = this.#context;
    const { http } = this.#shared;
    const base = http.base;
    try {
      const response = await this.#ask();
      if (response.status !== 200) {
        throw statusError(`service ${this.#service}`, response, clock.wallNow());
      }
      const changed = await this.#take(response);
      this.#failuresInARow = 0;
      this.#backoff.succeeded(clock.now());
      return this.#gap(changed);
    } catch (error) {
      if (this.#step.signal.aborted) return 0;
      return this.#failed(toConsulError(error), base);
    }
  }

  async #ask(): Promise<ConsulResponse> {
    const { settings, http, slots } = this.#shared;
    this.#hasSlot ||= slots.take();
    const mayWait = this.#hasSlot && !this.#hurry && this.#doubt !== "no-leader";
    const index = mayWait ? this.#cursor.current : undefined;
    const mode: ConsulMode = this.#confirm ? "consistent" : settings.mode;
    this.#hurry = false;
    this.#confirm = false;
    const isBlocking = index !== undefined;
    this.#isInterruptible = isBlocking;
    try {
      return await http.send(
        {
          method: "GET",
          path: healthPath(settings, { service: this.#service, mode, index }),
          deadlineMs: isBlocking ? blockingDeadlineMs(settings.waitMs) : settings.connection.requestTimeoutMs,
          lane: isBlocking ? "watch" : "quick",
        },
        this.#context.clock,
        this.#step.signal,
      );
    } finally {
      this.#isInterruptible = false;
    }
  }

  /** Tells the sink what an answer says. @returns whether it differs from the one before */
  async #take(response: ConsulResponse): Promise<boolean> {
    const { headers, body } = response;
    const { settings } = this.#shared;
    const digest = hash("sha256", body);
    const isSameList = digest === this.#digest;
    const answer = isSameList ? undefined : readAnswer(this.#service, response, settings);
    const isEmpty = answer === undefined ? this.#isEmpty : answer.snapshot.endpoints.length === 0;
    const known = await this.#doubtOf(response, isEmpty, isSameList);
    const before = this.#cursor.current;
    const step = this.#cursor.accept(headers["x-consul-index"]);
    const doubt = known ?? (step === "back" ? "reset" : undefined);
    const isNews = !isSameList || doubt !== this.#doubt;
    const read = isNews ? (answer ?? readAnswer(this.#service, response, settings)) : undefined;
    this.#digest = digest;
    this.#doubt = doubt;
    this.#isEmpty = isEmpty;
    if (read !== undefined && read.nodes.length > 0) this.#nodes = read.nodes;
    this.#tell(() => {
      if (read !== undefined) {
        this.#sink.snapshot(doubt === undefined ? read.snapshot : { ...read.snapshot, trust: "suspect" });
      } else if (doubt === undefined) {
        this.#sink.alive(ageOf(headers));
      }
      // After the snapshot, because trouble that is said before good data counts as over.
      if (doubt === undefined) return;
      const indexes = `from ${before} to ${String(headers["x-consul-index"])}`;
      this.#sink.error(toDiscoveryError(doubtError(this.#service, doubt, indexes)));
    });
    return isNews;
  }

  async #doubtOf(
    { headers }: ConsulResponse,
    isEmpty: boolean,
    isSameList: boolean,
  ): Promise<Doubt | undefined> {
    const { http, settings } = this.#shared;
    const verdict = judge(headers, isEmpty);
    if (verdict === "acl" || verdict === "no-leader") return verdict;
    // What was asked for this empty list once need not be asked for it again: it has nothing left to lose.
    if (verdict === "whole" || (isSameList && this.#doubt === undefined)) return undefined;
    const request = {
      method: "POST",
      path: "/v1/internal/acl/authorize",
      body: accessQuestion(this.#service, this.#nodes),
      deadlineMs: settings.connection.requestTimeoutMs,
      lane: "quick",
    } as const;
    const answer = await http.send(request, this.#context.clock, this.#step.signal);
    const hasToken = (await http.token.current()) !== undefined;
    return isHidden(answer, headers, hasToken) ? "acl" : undefined;
  }

  #gap(changed: boolean): number {
    const { clock, random } = this.#context;
    const paced = this.#pacer.next(clock.now(), changed);
    const spread = 0.5 + random();
    if (this.#doubt === "no-leader") return Math.max(paced, leaderlessPollMs * spread);
    if (this.#hasSlot) return paced;
    return Math.max(paced, this.#shared.settings.overflowPollMs * spread);
  }

  async #failed(error: ConsulError, base: URL): Promise<number> {
    const { clock, random } = this.#context;
    const { http } = this.#shared;
    this.#cursor.reset();
    this.#tell(() => {
      this.#sink.error(toDiscoveryError(error));
    });
    this.#failuresInARow++;
    const delay = this.#backoff.failed(clock.now(), random, error.retryAfterMs);
    if (error.class === "auth" && (await this.#renewToken())) return 0;
    if (!error.isServerTrouble || http.addresses === 1) return delay;
    http.moveOn(base);
    // Every address gets its chance before anyone waits.
    return this.#failuresInARow % http.addresses === 0 ? delay : 0;
  }

  async #renewToken(): Promise<boolean> {
    try {
      return await this.#shared.http.token.renew();
    } catch {
      // The file's own trouble is said by the next question.
      return false;
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#isInterruptible = true;
    try {
      await sleep(this.#context.clock, ms, this.#step.signal, true);
    } catch {
      // A refresh or the end of the watch: either way the loop knows what to do.
    } finally {
      this.#isInterruptible = false;
    }
  }

  #tell(say: () => void): void {
    if (!this.#context.signal.aborted) say();
  }
}
