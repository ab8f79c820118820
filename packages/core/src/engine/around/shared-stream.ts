import type { TimerHandle } from "../../clock.ts";
import type { OuterCall } from "../outer-call.ts";
import type { ResponseControl, ResponseHeaders, StreamSink } from "../request.ts";
import { giveAnswer, ownHeaders } from "./answer.ts";
import type { Flight, FlightHost } from "./coalescing.ts";
import { detached } from "./detached.ts";
import { holdsFor, isOverdue, maySpread } from "./sharing.ts";
import { StreamReader } from "./stream-reader.ts";
import type { ReaderOwner } from "./stream-reader.ts";
import type { Shared, Waiter } from "./waiter.ts";

/** The head of a response, with the hand that steers it. */
interface Head {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly statusText: string;
  readonly control: ResponseControl;
  readonly at: number;
}

/**
 * One call whose streamed answer several callers want. The first reads it as it comes. The others get it when it is whole; until then it is
 * kept, and read on even while the first one pauses. When it grows too long, or comes too slowly, the others are sent on their own.
 */
export class SharedStream implements StreamSink, Flight, Shared, ReaderOwner {
  readonly mode = "stream";
  readonly #host: FlightHost;
  readonly #key: string;
  readonly #aborter = new AbortController();
  readonly #followers = new Set<Waiter>();
  #leader: Waiter | undefined;
  #leaderSink: StreamSink | undefined;
  #asked: readonly string[] = [];
  /** Of the call that was sent. */
  #outer: OuterCall | undefined;
  #head: Head | undefined;
  #reader: StreamReader | undefined;
  /** The body so far, as long as the followers may still get it. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #timer: TimerHandle | undefined;
  #over = false;

  constructor(host: FlightHost, key: string) {
    this.#host = host;
    this.#key = key;
  }

  /** Sends the request of the first caller. */
  start(leader: Waiter, sink: StreamSink): void {
    const { request } = leader;
    this.#leader = leader;
    this.#leaderSink = sink;
    this.#asked = request.headers;
    this.#outer = request.outer;
    // The call's own timer is the leader's.
    leader.wait(this, false);
    const shared = { ...request, timeoutMs: Math.max(1, leader.remaining), signal: this.#aborter.signal };
    detached(() => {
      this.#host.inner(shared, this);
    });
  }

  join(waiter: Waiter): boolean {
    const { clock, policy } = this.#host;
    const head = this.#head;
    if (this.#kept === undefined || this.#followers.size + 1 >= policy.maxWaiters) return false;
    if (head !== undefined) {
      const left = policy.holdMs - (clock.now() - head.at);
      if (left <= 0 || !holdsFor(head.headers, this.#host.keys, this.#asked, waiter.request.headers)) {
        return false;
      }
      this.#timer ??= clock.setTimer(onHeldTooLong, left, this);
    }
    this.#followers.add(waiter);
    waiter.wait(this, true);
    return true;
  }

  leave(waiter: Waiter, reason: unknown): void {
    if (waiter === this.#leader) {
      this.#reader?.drop();
      this.#leader = this.#leaderSink = this.#reader = undefined;
    } else this.#followers.delete(waiter);
    if (this.#followers.size === 0) this.#stopTimer();
    this.#endIfAlone(reason);
  }

  readerPaused(isPaused: boolean): void {
    // As long as the body is kept for others it is read on.
    if (this.#kept !== undefined || this.#over) return;
    if (isPaused) this.#head?.control.pause();
    else this.#head?.control.resume();
  }

  readerGone(reason: Error): void {
    const leader = this.#leader;
    if (leader?.settle() === true) this.leave(leader, reason);
  }

  wholeBody(status: number): boolean {
    return this.#leaderSink?.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    const { clock, keys, policy } = this.#host;
    this.#head = { status, headers, statusText, control, at: clock.now() };
    if (!maySpread(headers) || !this.#isKeepable(headers)) this.#release();
    else {
      for (const follower of this.#followers) {
        if (!holdsFor(headers, keys, this.#asked, follower.request.headers)) this.#sendAlone(follower);
      }
      if (this.#followers.size > 0) this.#timer = clock.setTimer(onHeldTooLong, policy.holdMs, this);
    }
    if (this.#leaderSink === undefined) this.#endIfAlone(undefined);
    else if (this.#reader === undefined) this.#read(this.#leaderSink);
  }

  data(chunk: Buffer): void {
    if (this.#kept !== undefined) {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
    }
    this.#reader?.data(chunk);
    if (this.#kept !== undefined && this.#keptBytes > this.#host.policy.maxBytes) this.#release();
  }

  end(trailers: ResponseHeaders): void {
    const { report } = this.#host;
    const head = this.#head;
    const chunks = this.#kept;
    this.#land();
    this.#over = true;
    this.#leader?.settle();
    this.#reader?.end(trailers);
    if (head === undefined || chunks === undefined) return;
    const { status, headers, statusText } = head;
    for (const follower of this.#takeFollowers()) {
      if (!follower.settle()) continue;
      report(follower, this.#outer, status, undefined);
      giveAnswer(follower.sink, { status, headers, statusText, chunks, trailers });
    }
  }

  fail(error: unknown): void {
    const { again, report } = this.#host;
    this.#land();
    this.#over = true;
    const leader = this.#leader;
    if (leader?.settle() === true) {
      if (this.#reader === undefined) leader.sink.fail(error);
      else this.#reader.fail(error);
    }
    for (const follower of this.#takeFollowers()) {
      // The time of the first caller was over, not that of this one.
      if (isOverdue(error) && follower.remaining >= 1) again(follower);
      else if (follower.settle()) {
        report(follower, this.#outer, undefined, error);
        follower.sink.fail(error);
      }
    }
  }

  /** @internal The answer is not for the followers. Without a leader the first of them takes its place. */
  release(): void {
    this.#timer = undefined;
    this.#release();
  }

  #release(): void {
    const chunks = this.#kept;
    if (chunks === undefined) return;
    this.#land();
    const [first, ...others] = this.#takeFollowers();
    if (first !== undefined) {
      if (this.#leader !== undefined || first.sink.mode !== "stream" || !this.#mayLead(first))
        this.#sendAlone(first);
      else this.#promote(first, first.sink, chunks);
    }
    for (const follower of others) this.#sendAlone(follower);
    // From here on the pace is the reader's.
    if (this.#reader?.paused === true) this.#head?.control.pause();
    this.#endIfAlone(undefined);
  }

  /** A cookie that is being set is for the one whose request was sent, even if that one has gone. */
  #mayLead(follower: Waiter): boolean {
    const headers = this.#head?.headers ?? {};
    return maySpread(headers) && holdsFor(headers, this.#host.keys, this.#asked, follower.request.headers);
  }

  #promote(waiter: Waiter, sink: StreamSink, chunks: readonly Buffer[]): void {
    this.#leader = waiter;
    this.#leaderSink = sink;
    // Its answer begins now; the body may take its time.
    waiter.wait(this, false);
    this.#host.report(waiter, this.#outer, this.#head?.status, undefined);
    this.#read(sink);
    for (const chunk of chunks) this.#reader?.data(chunk);
  }

  #read(sink: StreamSink): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#reader = new StreamReader(sink, this);
    const headers = this.#kept === undefined ? head.headers : ownHeaders(head.headers);
    this.#reader.head(head.status, headers, head.statusText);
  }

  #sendAlone(follower: Waiter): void {
    this.#followers.delete(follower);
    follower.goOn(this.#host.inner);
  }

  #isKeepable(headers: ResponseHeaders): boolean {
    const { maxBytes } = this.#host.policy;
    // Events come as long as the connection lasts.
    const isEndless = String(headers["content-type"]).startsWith("text/event-stream");
    return maxBytes > 0 && !isEndless && !(Number(headers["content-length"]) > maxBytes);
  }

  /** Nobody is left who wants it. */
  #endIfAlone(reason: unknown): void {
    if (this.#over || this.#leader !== undefined || this.#followers.size > 0) return;
    this.#over = true;
    this.#land();
    const cause = reason instanceof Error ? reason : new DOMException("Nobody waits any more.", "AbortError");
    if (this.#head === undefined) this.#aborter.abort(cause);
    else this.#head.control.abort(cause);
  }

  #land(): void {
    this.#kept = undefined;
    this.#stopTimer();
    this.#host.land(this.#key, this);
  }

  #takeFollowers(): readonly Waiter[] {
    const followers = [...this.#followers];
    this.#followers.clear();
    return followers;
  }

  #stopTimer(): void {
    if (this.#timer === undefined) return;
    this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function onHeldTooLong(shared: SharedStream): void {
  shared.release();
}
