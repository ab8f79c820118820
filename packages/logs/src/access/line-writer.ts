import type { Clock, TimerHandle } from "@proxyless/core";

import type { Trouble } from "../trouble.ts";

/** A stream that takes text: `process.stdout`, a file, `pino.destination()`. */
export interface LineStream {
  /** Anything but `false`: more may be written. After `false` it says `drain` when it may. */
  write(text: string): unknown;
  on(event: "drain" | "error" | "close", listener: (error?: unknown) => void): unknown;
  off(event: "drain" | "error" | "close", listener: (error?: unknown) => void): unknown;
}

/** Gets one or more whole lines. Where it answers with a promise, it gets no more until that is settled. */
export type LineFunction = (lines: string) => unknown;

/** Where lines go. */
export type LineTarget = LineStream | LineFunction;

/** What is written at once after a wait, at most; in characters. */
const BATCH_CHARS = 65_536;

/** Hands lines on as fast as they are taken, keeps a bounded number while they are not, and drops and counts the rest. */
export class LineWriter {
  readonly #target: LineTarget;
  readonly #maxLines: number;
  readonly #trouble: Trouble;
  readonly #onDropped: ((lines: number) => void) | undefined;
  #waiting: string[] = [];
  #isBlocked = false;
  #isEnded = false;
  #dropped = 0;
  /** Of `dropped`, those that nobody was told of. */
  #untold = 0;
  #onIdle: (() => void) | undefined;

  constructor(
    target: LineTarget,
    maxLines: number,
    trouble: Trouble,
    onDropped: ((lines: number) => void) | undefined,
  ) {
    this.#target = target;
    this.#maxLines = maxLines;
    this.#trouble = trouble;
    this.#onDropped = onDropped;
    if (typeof target !== "function") {
      target.on("drain", this.#goOn);
      target.on("error", this.#failed);
      target.on("close", this.#closed);
    }
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#isEnded || (this.#isBlocked && this.#waiting.length >= this.#maxLines)) this.#drop(1);
    else if (this.#isBlocked) this.#waiting.push(line);
    else this.#hand(line);
  }

  /** Waits until everything is handed on, or for `ms` milliseconds; what is left then is dropped. */
  async end(clock: Clock, ms: number): Promise<void> {
    if (this.#isBlocked && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        const timer: TimerHandle = clock.setTimer(resolve, ms, undefined);
        this.#onIdle = () => {
          clock.clearTimer(timer);
          resolve();
        };
      });
    }
    this.#end();
  }

  #hand(text: string): void {
    try {
      const target = this.#target;
      if (typeof target !== "function") {
        this.#isBlocked = target.write(text) === false;
        return;
      }
      const answer = target(text);
      if (!(answer instanceof Promise)) return;
      this.#isBlocked = true;
      answer.catch(this.#failed).finally(this.#goOn);
    } catch (error) {
      this.#failed(error);
    }
  }

  readonly #goOn = (): void => {
    this.#isBlocked = false;
    this.#tell();
    while (!this.#isBlocked && this.#waiting.length > 0) {
      let chars = 0;
      const fits = this.#waiting.findIndex((line) => (chars += line.length) > BATCH_CHARS);
      this.#hand(this.#waiting.splice(0, fits === -1 ? this.#waiting.length : Math.max(1, fits)).join(""));
    }
    if (!this.#isBlocked) this.#onIdle?.();
  };

  readonly #failed = (error: unknown): void => {
    this.#trouble.failed(error);
  };

  /** Nothing is ever taken any more. */
  readonly #closed = (): void => {
    this.#end();
    this.#onIdle?.();
  };

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untold += lines;
    if (this.#onDropped === undefined) {
      this.#trouble.failed(new Error("its destination is too slow, or gone: lines are dropped"));
    }
  }

  #tell(): void {
    const lines = this.#untold;
    this.#untold = 0;
    if (lines > 0) this.#trouble.guard(() => this.#onDropped?.(lines));
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const left = this.#waiting.length;
    this.#waiting = [];
    if (left > 0) this.#drop(left);
    this.#tell();
    if (typeof this.#target === "function") return;
    this.#target.off("drain", this.#goOn);
    this.#target.off("error", this.#failed);
    this.#target.off("close", this.#closed);
  }
}
