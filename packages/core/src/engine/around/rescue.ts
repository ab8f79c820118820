import type { TimerHandle } from "../../clock.ts";
import { ProxylessError } from "../../errors.ts";
import { plainText } from "../../plain-text.ts";
import type { FallbackAnswer } from "../../policies/fallback/fallback-policy.ts";
import { fallsBackOnError, fallsBackOnStatus, wasNeverSent } from "../../policies/fallback/falls-back.ts";
import { abortReason } from "../call-errors.ts";
import { mayRepeat } from "../replay.ts";
import type { CallRequest, ResponseHeaders, ResponseSink } from "../request.ts";
import { giveAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { ElsewhereStream, ElsewhereWhole } from "./elsewhere.ts";
import type { FallbackHost } from "./fallback-layer.ts";
import { answerOf } from "./function-answer.ts";

/** Tells what was answered instead of a failure. */
const fallbackHeader = "x-proxyless-fallback";

type Kind = "stale" | "service" | "function" | "value";

/** Finds something else to answer where one call has failed, and answers it. */
export class Rescue {
  readonly #host: FallbackHost;
  readonly #request: CallRequest;
  readonly #sink: ResponseSink;
  readonly #deadline: number;
  #status: number | undefined;
  #error: ProxylessError | undefined;
  /** Shows the failure as it is. */
  #otherwise: () => void = nothing;
  /** Told when something else is going to be answered. */
  #replaced: () => void = nothing;
  #aborter: AbortController | undefined;
  #timer: TimerHandle | undefined;
  #over = false;

  constructor(host: FallbackHost, request: CallRequest, sink: ResponseSink) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#deadline = host.clock.now() + (request.timeoutMs ?? host.totalMs);
  }

  /**
   * Answers something else than this status or error, where there is something.
   * @param otherwise shows the failure to the caller; the last resort
   * @param replaced called before something else is shown
   */
  instead(
    status: number | undefined,
    error: unknown,
    otherwise: () => void,
    replaced: () => void = nothing,
  ): void {
    const { policy } = this.#host;
    const { signal } = this.#request;
    const isRescued = error === undefined || fallsBackOnError(policy, error);
    if (!isRescued || signal?.aborted === true) {
      otherwise();
      return;
    }
    this.#status = status;
    this.#error = error instanceof ProxylessError ? error : undefined;
    this.#otherwise = otherwise;
    this.#replaced = replaced;
    signal?.addEventListener("abort", this, { once: true });
    this.#fromMemory();
  }

  /** What would be shown otherwise has broken meanwhile: then that is shown. */
  broke(otherwise: () => void): void {
    this.#otherwise = otherwise;
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    if (this.#over) return;
    const reason = abortReason(this.#request.signal?.reason);
    this.#aborter?.abort(reason);
    this.#finish();
    this.#replaced();
    this.#sink.fail(reason);
  }

  #fromMemory(): void {
    const { clock, stale } = this.#host;
    const now = clock.now();
    const kept = stale?.find(this.#request, now);
    if (kept === undefined) {
      this.#fromElsewhere();
      return;
    }
    const { body, headers, status, statusText } = kept;
    // How old it was when it came is not lost.
    const age = Math.floor((now - kept.at) / 1_000) + (Number(headers["age"]) || 0);
    this.#answer("stale", { status, statusText, headers: { ...headers, age: String(age) }, chunks: [body] });
  }

  #fromElsewhere(): void {
    const { policy, sendElsewhere } = this.#host;
    const timeoutMs = policy.timeoutMs ?? this.#remaining;
    if (policy.service === undefined || timeoutMs < 1 || !this.#mayBeSentElsewhere) {
      this.#fromFunction();
      return;
    }
    // Which endpoint was asked for means nothing to another service.
    const request = { ...this.#request, endpoint: undefined, timeoutMs };
    const sink = this.#sink;
    const own = sink.mode === "whole" ? new ElsewhereWhole(this, sink) : new ElsewhereStream(this, sink);
    sendElsewhere(policy.service, request, own);
  }

  /** Whether the answer of the other service is one. */
  accepts(status: number): boolean {
    return !this.#over && !fallsBackOnStatus(this.#host.policy, status);
  }

  /** The other service's answer goes to the caller. @returns its headers, marked */
  accept(status: number, headers: ResponseHeaders): ResponseHeaders {
    this.#taken("service", status);
    return { ...headers, [fallbackHeader]: "service" };
  }

  /** The other service has no answer either. */
  reject(reason: string): void {
    if (this.#over) return;
    this.#reportFailed("service", reason);
    this.#fromFunction();
  }

  #fromFunction(): void {
    const { clock, policy, service } = this.#host;
    const { run } = policy;
    if (run === undefined) {
      this.#fromValue();
      return;
    }
    const aborter = (this.#aborter = new AbortController());
    const { headers, method, path } = this.#request;
    const failure = { service, method, path, headers, status: this.#status, error: this.#error };
    const limitMs = policy.timeoutMs ?? Math.max(0, this.#remaining);
    this.#timer = clock.setTimer(onFunctionOverdue, limitMs, this);
    void this.#run(() => run({ ...failure, signal: aborter.signal }));
  }

  async #run(run: () => FallbackAnswer | undefined | Promise<FallbackAnswer | undefined>): Promise<void> {
    let answer: Answer | undefined;
    try {
      const made = await run();
      if (made !== undefined) answer = answerOf(made);
    } catch (error) {
      this.#functionFailed(error instanceof Error ? error.message : "it threw something that is no error");
      return;
    }
    if (this.#over || this.#aborter?.signal.aborted === true) return;
    if (answer === undefined) this.#functionFailed("it had no answer");
    else this.#answer("function", answer);
  }

  /** @internal The function took too long. */
  functionOverdue(): void {
    this.#timer = undefined;
    const error = new Error("the fallback took too long");
    this.#functionFailed(error.message);
    this.#aborter?.abort(error);
  }

  #functionFailed(reason: string): void {
    if (this.#over || this.#aborter?.signal.aborted === true) return;
    this.#stopTimer();
    this.#reportFailed("function", reason);
    this.#fromValue();
  }

  #fromValue(): void {
    const { value } = this.#host.policy;
    if (value === undefined) {
      this.#finish();
      this.#otherwise();
      return;
    }
    const { body, headers, status } = value;
    this.#answer("value", { status, statusText: "", headers, chunks: [Buffer.from(body)] });
  }

  #answer(kind: Kind, answer: Answer): void {
    const { chunks, status } = answer;
    this.#taken(kind, status);
    const hasBody = this.#request.method !== "HEAD" && chunks.some(({ length }) => length > 0);
    const headers = { ...answer.headers, [fallbackHeader]: kind };
    giveAnswer(this.#sink, { ...answer, headers, chunks: hasBody ? chunks : [] });
  }

  #taken(to: Kind, status: number): void {
    const { events, route, service } = this.#host;
    this.#finish();
    this.#replaced();
    const { method, outer } = this.#request;
    outer?.fellBack(to);
    if (!events.wants("call.fell_back")) return;
    const about = { service, route, method, to, trace: outer?.ids };
    const failedStatus = this.#status;
    const failedError = this.#error?.code;
    events.emit({ type: "call.fell_back", ...about, failedStatus, failedError, status });
  }

  #reportFailed(to: "service" | "function", said: string): void {
    const { events, route, service } = this.#host;
    if (!events.wants("call.fallback_failed")) return;
    const { method, outer } = this.#request;
    const reason = plainText(said);
    events.emit({ type: "call.fallback_failed", service, route, method, to, reason, trace: outer?.ids });
  }

  /** What must not be sent twice is sent elsewhere only if it has not been sent anywhere. */
  get #mayBeSentElsewhere(): boolean {
    const { body } = this.#request;
    if (typeof body === "object" && body !== null && !(body instanceof Uint8Array)) return false;
    return (
      mayRepeat(this.#request) ||
      (this.#error !== undefined && this.#status === undefined && wasNeverSent(this.#error))
    );
  }

  get #remaining(): number {
    return this.#deadline - this.#host.clock.now();
  }

  #finish(): void {
    this.#over = true;
    this.#stopTimer();
    this.#request.signal?.removeEventListener("abort", this);
  }

  #stopTimer(): void {
    if (this.#timer === undefined) return;
    this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function nothing(): void {
  // Nobody asked.
}

function onFunctionOverdue(rescue: Rescue): void {
  rescue.functionOverdue();
}
