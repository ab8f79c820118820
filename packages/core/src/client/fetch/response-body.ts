import { abortReason } from "../../engine/call-errors.ts";
import type { ResponseControl } from "../../engine/request.ts";

const highWater = 64 * 1024;
const lowWater = 32 * 1024;

/** Where bytes of a response go on their way to the user. */
export interface ByteTarget {
  push(chunk: Buffer): void;
  end(): void;
  fail(error: unknown): void;
}

type Consumer = {
  readonly finish: (chunks: readonly Buffer[]) => void;
  readonly reject: (error: unknown) => void;
};

// An answer that nobody reads any more must not keep its connection. Small ones end by themselves; these are told.
const lostResponses = new FinalizationRegistry((body: ResponseBody) => {
  body.abandon(false);
});
const lostStreams = new FinalizationRegistry((body: ResponseBody) => {
  body.abandon(true);
});

/**
 * The body of a response between the socket and the user: keeps what came, stops the socket above 64 KiB until the
 * user reads, and is read either whole or as a stream. Never refers to the response or, unless a read waits, to the
 * stream, so that both can be collected.
 */
export class ResponseBody implements ByteTarget {
  readonly #control: ResponseControl;
  readonly #signal: AbortSignal | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #paused = false;
  #state: "open" | "ended" | "failed" | "cancelled" = "open";
  #error: unknown;
  #consumer: Consumer | undefined;
  #streamed = false;
  #stream: WeakRef<ReadableByteStreamController> | undefined;
  #waiting: { readonly controller: ReadableByteStreamController; readonly resolve: () => void } | undefined;

  /** @param signal the call's; an abort after the last byte came still spoils what was not read, as WHATWG says. */
  constructor(control: ResponseControl, signal: AbortSignal | undefined) {
    this.#control = control;
    this.#signal = signal;
  }

  /** Lets go of the connection when `response` is collected before its body was read. */
  watch(response: object): void {
    lostResponses.register(response, this);
  }

  push(chunk: Buffer): void {
    if (this.#state !== "open" || chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#consumer !== undefined) return;
    if (this.#waiting !== undefined) this.#serve();
    if (this.#size >= highWater && !this.#paused) {
      this.#paused = true;
      this.#control.pause();
    }
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    const consumer = this.#consumer;
    if (consumer !== undefined) {
      this.#consumer = undefined;
      consumer.finish(this.#take());
    } else if (this.#streamed && this.#size === 0) {
      this.#closeStream();
    }
  }

  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#take();
    this.#consumer?.reject(error);
    this.#consumer = undefined;
    const controller = this.#waiting?.controller ?? this.#stream?.deref();
    this.#waiting = undefined;
    controller?.error(error);
  }

  /** The whole body, once, through `convert`. */
  consume<T>(convert: (chunks: readonly Buffer[]) => T): Promise<T> {
    if (this.#state === "ended" && this.#signal?.aborted !== true) {
      try {
        return Promise.resolve(convert(this.#take()));
      } catch (error) {
        // eslint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it came
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      if (this.#spoiled()) {
        // eslint-disable-next-line typescript/prefer-promise-reject-errors -- the caller's own reason
        reject(this.#error);
        return;
      }
      const finish = (chunks: readonly Buffer[]): void => {
        try {
          resolve(convert(chunks));
        } catch (error) {
          // eslint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it came
          reject(error);
        }
      };
      this.#consumer = { finish, reject };
      this.#unpause();
    });
  }

  /** The body as a byte stream; to be called once. */
  stream(): ReadableStream<Uint8Array> {
    this.#streamed = true;
    const stream = new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.#stream = new WeakRef(controller);
      },
      pull: (controller) => this.#pull(controller),
      cancel: (reason) => {
        this.#cancel(reason);
      },
    });
    if (this.#spoiled()) this.#stream?.deref()?.error(this.#error);
    else if (this.#state === "ended" && this.#size === 0) this.#closeStream();
    else if (this.#state === "open") lostStreams.register(stream, this);
    return stream;
  }

  /** Its owner, the response or its stream, was collected. */
  abandon(stream: boolean): void {
    if (stream !== this.#streamed || this.#consumer !== undefined || this.#waiting !== undefined) return;
    this.#cancel(undefined);
  }

  #cancel(reason: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "cancelled";
    this.#take();
    this.#waiting?.resolve();
    this.#waiting = undefined;
    this.#control.abort(
      reason instanceof Error ? reason : new DOMException("The response body was cancelled.", "AbortError"),
    );
  }

  #pull(controller: ReadableByteStreamController): Promise<void> | undefined {
    if (this.#spoiled()) {
      controller.error(this.#error);
      return undefined;
    }
    if (this.#size > 0) {
      this.#enqueue(controller);
      return undefined;
    }
    this.#unpause();
    return new Promise((resolve) => {
      this.#waiting = { controller, resolve };
    });
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#enqueue(waiting.controller);
    waiting.resolve();
  }

  #enqueue(controller: ReadableByteStreamController): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    this.#size -= chunk.byteLength;
    // Enqueueing takes the memory away from everyone else, and the socket's buffer is shared: hence a copy.
    controller.enqueue(new Uint8Array(chunk));
    if (this.#size < lowWater) this.#unpause();
    if (this.#state === "ended" && this.#size === 0) closeController(controller);
  }

  #closeStream(): void {
    const controller = this.#waiting?.controller ?? this.#stream?.deref();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (controller !== undefined) closeController(controller);
    waiting?.resolve();
  }

  #unpause(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#control.resume();
  }

  #spoiled(): boolean {
    if (this.#state === "ended" && this.#signal?.aborted === true) {
      this.#state = "failed";
      this.#error = abortReason(this.#signal.reason);
      this.#take();
    }
    return this.#state === "failed";
  }

  #take(): readonly Buffer[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#size = 0;
    return chunks;
  }
}

function closeController(controller: ReadableByteStreamController): void {
  controller.close();
  // A read into the reader's own buffer waits for this after a close.
  controller.byobRequest?.respond(0);
}
