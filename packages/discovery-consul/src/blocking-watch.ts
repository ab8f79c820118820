import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { toDiscoveryError, watchLoop } from "@proxyless/core/discovery";
import type { RegistryResponse, SourceError, WatchRound } from "@proxyless/core/discovery";

import { AnswerPacer } from "./answer-pacer.ts";
import type { Answers } from "./answers.ts";
import { BlockingTrust } from "./blocking-trust.ts";
import { consulError } from "./consul-http.ts";
import type { ConsulHttp } from "./consul-http.ts";
import { IndexCursor } from "./index-cursor.ts";
import type { Question } from "./question.ts";
import { ageOf, doubtError, isHidden, judge } from "./trust.ts";
import type { Doubt } from "./trust.ts";
import type { ConsulMode } from "./watch-options.ts";
import type { WatchSlots } from "./watch-slots.ts";

/** What the watches of one source share. */
export interface WatchShared {
  readonly http: ConsulHttp;
  readonly slots: WatchSlots;
  readonly mode: ConsulMode;
  readonly waitMs: number;
  readonly overflowPollMs: number;
  readonly requestTimeoutMs: number;
}

/** How often a server without a leader is asked, in milliseconds: it has no change to wait for. */
const leaderlessPollMs = 1000;

/** Follows the answers to one question for ever: ask, wait for a change, tell. */
export class BlockingWatch {
  readonly #shared: WatchShared;
  readonly #question: Question;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #cursor = new IndexCursor();
  readonly #blocking = new BlockingTrust();
  readonly #pacer = new AnswerPacer();
  readonly #answers: Answers;
  #hasSlot = false;
  #base: URL;
  #failuresInARow = 0;
  /** How many answers in a row came from servers without a leader. */
  #leaderlessInARow = 0;
  #nodes: readonly string[] = [];
  #doubt: Doubt | undefined;
  #isEmpty = false;

  constructor(shared: WatchShared, question: Question, sink: Sink, context: WatchContext) {
    this.#shared = shared;
    this.#question = question;
    this.#answers = question.answers();
    this.#sink = sink;
    this.#context = context;
    this.#base = shared.http.base;
  }

  /** Begins; runs until the context's signal aborts. A refresh confirms an empty answer with the leader and its quorum. */
  start(): WatchHandle {
    return watchLoop(this.#sink, this.#context, {
      round: (round) => this.#round(round),
      onTrouble: (error) => this.#troubled(error),
      onEnd: () => {
        if (this.#hasSlot) this.#shared.slots.release();
      },
    });
  }

  async #round(round: WatchRound): Promise<number> {
    const { http } = this.#shared;
    const { clock } = this.#context;
    this.#base = http.base;
    const response = await this.#ask(round);
    const isAnswer = response.status === 200 || (response.status === 404 && this.#question.is404Answer);
    if (!isAnswer) throw consulError(this.#question.subject, response, clock.wallNow());
    const changed = await this.#take(response, round.signal);
    this.#failuresInARow = 0;
    round.good();
    return this.#gap(changed);
  }

  async #ask(round: WatchRound): Promise<RegistryResponse> {
    const { http, mode: usual, waitMs, requestTimeoutMs } = this.#shared;
    const { clock } = this.#context;
    const index = this.#mayWait(round.wasRefreshed) ? this.#cursor.current : undefined;
    // Somebody doubts the empty list: only the leader and its quorum can tell.
    const mode: ConsulMode = round.wasRefreshed && this.#isEmpty ? "consistent" : usual;
    const isBlocking = index !== undefined;
    if (isBlocking) round.interruptible();
    const response = await this.#answers.fetch(
      http,
      {
        method: "GET",
        path: this.#question.path({ mode, index }),
        deadlineMs: isBlocking ? blockingDeadlineMs(waitMs) : requestTimeoutMs,
        lane: isBlocking ? "watch" : "quick",
      },
      clock,
      round.signal,
    );
    if (isBlocking) this.#blocking.heard(response.status, clock.now());
    return response;
  }

  #mayWait(wasRefreshed: boolean): boolean {
    if (this.#question.pollMs !== undefined) return false;
    this.#hasSlot ||= this.#shared.slots.take();
    const isTrusted = this.#blocking.isTrusted(this.#context.clock.now());
    return this.#hasSlot && isTrusted && !wasRefreshed && this.#doubt !== "no-leader";
  }

  /** Tells the sink what an answer says. @returns whether it differs from the one before */
  async #take(response: RegistryResponse, signal: AbortSignal): Promise<boolean> {
    const { headers } = response;
    const answers = this.#answers;
    const isSameList = answers.isRepeated;
    const answer = isSameList ? undefined : answers.read();
    const isEmpty = answer === undefined ? this.#isEmpty : answer.snapshot.endpoints.length === 0;
    const known = await this.#doubtOf(response, isEmpty, isSameList, signal);
    const before = this.#cursor.current;
    const step = this.#cursor.accept(headers["x-consul-index"], headers["x-consul-query-backend"]);
    const doubt = known ?? (step === "back" ? "reset" : undefined);
    const isNews = !isSameList || doubt !== this.#doubt;
    const read = isNews ? (answer ?? answers.read()) : undefined;
    answers.keep();
    this.#doubt = doubt;
    this.#isEmpty = isEmpty;
    if (read !== undefined && read.nodes.length > 0) this.#nodes = read.nodes;
    if (this.#context.signal.aborted) return isNews;
    if (read !== undefined) {
      this.#sink.snapshot(doubt === undefined ? read.snapshot : { ...read.snapshot, trust: "suspect" });
    } else if (doubt === undefined) {
      this.#sink.alive(ageOf(headers));
    }
    // After the snapshot, because trouble that is said before good data counts as over.
    if (doubt !== undefined) {
      const indexes = `from ${before} to ${String(headers["x-consul-index"])}`;
      this.#sink.error(toDiscoveryError(doubtError(this.#question, doubt, indexes)));
    }
    return isNews;
  }

  async #doubtOf(
    { headers }: RegistryResponse,
    isEmpty: boolean,
    isSameList: boolean,
    signal: AbortSignal,
  ): Promise<Doubt | undefined> {
    const { http, requestTimeoutMs } = this.#shared;
    const verdict = judge(headers, isEmpty);
    if (verdict === "acl" || verdict === "no-leader") return verdict;
    // What was asked for this empty list once need not be asked for it again: it has nothing left to lose.
    if (verdict === "whole" || (isSameList && this.#doubt === undefined)) return undefined;
    const request = {
      method: "POST",
      path: "/v1/internal/acl/authorize",
      body: this.#question.access(this.#nodes),
      deadlineMs: requestTimeoutMs,
      lane: "quick",
    } as const;
    const answer = await http.send(request, this.#context.clock, signal);
    const hasToken = (await http.token.current()) !== undefined;
    return isHidden(answer, headers, hasToken) ? "acl" : undefined;
  }

  #gap(changed: boolean): number {
    const { clock, random } = this.#context;
    const { pollMs } = this.#question;
    const paced = this.#pacer.next(clock.now(), changed, this.#answers.bytes);
    const spread = 0.5 + random();
    if (pollMs !== undefined) return Math.max(paced, pollMs * spread);
    if (this.#doubt === "no-leader") {
      return this.#movesPastLeaderless() ? paced : Math.max(paced, leaderlessPollMs * spread);
    }
    this.#leaderlessInARow = 0;
    if (this.#hasSlot && this.#blocking.isTrusted(clock.now())) return paced;
    return Math.max(paced, this.#shared.overflowPollMs * spread);
  }

  /** Another server may be on the side that has one. @returns whether there is one that was not asked yet */
  #movesPastLeaderless(): boolean {
    const { http } = this.#shared;
    this.#leaderlessInARow++;
    http.moveOn(this.#base);
    return this.#leaderlessInARow % http.addresses !== 0;
  }

  async #troubled(error: SourceError): Promise<"now" | "wait"> {
    const { http } = this.#shared;
    this.#cursor.reset();
    this.#failuresInARow++;
    if (error.class === "auth" && (await http.token.renew())) return "now";
    if (!error.isServerTrouble || http.addresses === 1) return "wait";
    http.moveOn(this.#base);
    // Every address gets its chance before anyone waits.
    return this.#failuresInARow % http.addresses === 0 ? "wait" : "now";
  }
}

/** How long a blocking query may take: Consul adds up to a sixteenth of the wait, and the answer has to travel. */
export function blockingDeadlineMs(waitMs: number): number {
  return (waitMs * 17) / 16 + 10_000;
}
