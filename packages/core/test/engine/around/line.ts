import { AsyncLocalStorage } from "node:async_hooks";

import type { Clock, TimerHandle } from "../../../src/clock.ts";
import type { Send } from "../../../src/engine/around/layer.ts";
import { overdueError } from "../../../src/engine/call-errors.ts";
import type {
  CallRequest,
  ResponseControl,
  ResponseHeaders,
  ResponseSink,
  StreamSink,
} from "../../../src/engine/request.ts";

/** Tells in whose surroundings something runs. */
export const place: AsyncLocalStorage<string> = new AsyncLocalStorage<string>();

/** A clock that moves at once: nothing here goes on in promises. */
export class StepClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly fire: () => void }>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    const order = this.#order++;
    const fire = (): void => {
      fn(arg);
    };
    this.#timers.set(order, { at: this.#now + ms, fire });
    return order;
  }

  clearTimer(timer: TimerHandle): void {
    this.#timers.delete(Number(timer));
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let first: number | undefined;
      let at = end;
      for (const [order, timer] of this.#timers) {
        if (timer.at > at || (timer.at === at && first !== undefined)) continue;
        first = order;
        at = timer.at;
      }
      if (first === undefined) break;
      const timer = this.#timers.get(first)!;
      this.#timers.delete(first);
      this.#now = Math.max(this.#now, timer.at);
      timer.fire();
    }
    this.#now = end;
  }
}

/** A call that was sent: the test answers it. Like the engine it ends by the request's time and signal. */
export class SentCall implements ResponseControl {
  readonly request: CallRequest;
  readonly sink: ResponseSink;
  isOpen = true;
  /** Why it was given up, if it was. */
  abortedBy: unknown;
  isPaused = false;
  readonly place: string | undefined = place.getStore();
  readonly #clock: StepClock;
  readonly #timer: TimerHandle;
  #headSent = false;

  constructor(request: CallRequest, sink: ResponseSink, clock: StepClock) {
    this.request = request;
    this.sink = sink;
    this.#clock = clock;
    const totalMs = request.timeoutMs ?? 30_000;
    this.#timer = clock.setTimer(
      () => {
        this.fail(overdueError("orders", totalMs, []));
      },
      totalMs,
      undefined,
    );
    request.signal?.addEventListener("abort", this, { once: true });
    if (request.signal?.aborted === true) this.handleEvent();
  }

  handleEvent(): void {
    const reason: unknown = this.request.signal?.reason;
    this.abortedBy = reason;
    this.fail(reason);
  }

  done(status: number, headers: ResponseHeaders = {}, body = ""): void {
    const { sink } = this;
    if (sink.mode === "stream") {
      this.head(status, headers);
      if (body !== "") this.data(body);
      this.end();
      return;
    }
    if (this.#close()) sink.done(status, headers, "", body === "" ? [] : [Buffer.from(body)]);
  }

  head(status: number, headers: ResponseHeaders = {}): void {
    if (!this.isOpen) return;
    this.#headSent = true;
    this.#clock.clearTimer(this.#timer);
    this.#stream.head(status, headers, "", this);
  }

  data(body: string): void {
    if (this.isOpen) this.#stream.data(Buffer.from(body));
  }

  end(): void {
    if (this.#close()) this.#stream.end({ trailer: "t" });
  }

  fail(error: unknown): void {
    if (this.#close()) this.sink.fail(error);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  abort(reason: Error): void {
    this.abortedBy = reason;
    this.#close();
  }

  get hasHead(): boolean {
    return this.#headSent;
  }

  get #stream(): StreamSink {
    if (this.sink.mode === "whole") throw new Error("a whole sink takes no stream");
    return this.sink;
  }

  #close(): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#clock.clearTimer(this.#timer);
    this.request.signal?.removeEventListener("abort", this);
    return true;
  }
}

/** Takes the place of the engine. */
export class Line {
  readonly sent: SentCall[] = [];
  readonly clock: StepClock;

  constructor(clock: StepClock) {
    this.clock = clock;
  }

  readonly send: Send = (request, sink) => {
    this.sent.push(new SentCall(request, sink, this.clock));
  };

  get open(): readonly SentCall[] {
    return this.sent.filter((call) => call.isOpen);
  }
}

/** A caller: keeps what it heard, and complains where it hears what it may not. */
export class Caller {
  readonly aborter = new AbortController();
  readonly request: CallRequest;
  status: number | undefined;
  headers: ResponseHeaders = {};
  body = "";
  control: ResponseControl | undefined;
  /** How it ended. */
  end: "answered" | "failed" | "left" | undefined;
  error: unknown;
  /** Pauses with each piece. */
  isSlow = false;

  constructor(request: Partial<CallRequest> = {}) {
    this.request = {
      method: "GET",
      path: "/a",
      headers: [],
      body: null,
      signal: this.aborter.signal,
      ...request,
    };
  }

  get whole(): ResponseSink {
    return {
      mode: "whole",
      done: (status, headers, _, chunks) => {
        this.status = status;
        this.headers = headers;
        this.body = Buffer.concat(chunks).toString();
        this.#over("answered");
      },
      fail: (error) => {
        this.error = error;
        this.#over("failed");
      },
    };
  }

  get streamed(): ResponseSink {
    return {
      mode: "stream",
      head: (status, headers, _, control) => {
        if (this.status !== undefined || this.end !== undefined) throw new Error("a second head");
        this.status = status;
        this.headers = headers;
        this.control = control;
        if (this.isSlow) control.pause();
      },
      data: (chunk) => {
        if (this.status === undefined || this.end !== undefined) throw new Error("data out of place");
        this.body += chunk.toString();
        if (this.isSlow) this.control?.pause();
      },
      end: () => {
        this.#over("answered");
      },
      fail: (error) => {
        this.error = error;
        this.#over("failed");
      },
    };
  }

  /** Drops the rest of a streamed answer. */
  leave(): void {
    if (this.end !== undefined || this.control === undefined) return;
    this.end = "left";
    this.control.abort(new Error("left"));
  }

  #over(end: "answered" | "failed"): void {
    if (this.end !== undefined) throw new Error(`${end} after it ${this.end}`);
    this.end = end;
  }
}
