import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";

import { isKnownCoding, undoCoding } from "../content-coding.ts";

/** What is done with a body. */
export interface BodyReader {
  /** Bytes came, of which none may be readable yet. */
  heard?(): void;
  /** Bytes as they were before somebody on the way compressed them. */
  data(chunk: Buffer): void;
  end(): void;
}

/** Why a body did not come to its end. */
export interface BodyFailure {
  /** `cut`: it broke off. `coding`: it is not what its content coding says. */
  readonly kind: "cut" | "coding";
  readonly cause?: unknown;
}

/** The body of an answer. It is asked for as it is, but proxies compress what nobody asked them to. */
export class AnswerBody {
  readonly #incoming: IncomingMessage;
  /** As the answer names it; empty without one. */
  readonly coding: string;
  #undoing: Transform | undefined;
  #isOver = false;
  /** Bytes that came so far, as they came. */
  received = 0;

  constructor(incoming: IncomingMessage) {
    const named = (incoming.headers["content-encoding"] ?? "").trim().toLowerCase();
    this.#incoming = incoming;
    this.coding = named === "identity" ? "" : named;
  }

  /** Whether it can be read. */
  get isReadable(): boolean {
    return this.coding === "" || isKnownCoding(this.coding);
  }

  /** Hands everything to `reader`; `failed` is called instead of its `end`. */
  read(reader: BodyReader, failed: (failure: BodyFailure) => void): void {
    const incoming = this.#incoming;
    const end = (): void => {
      this.#isOver = true;
      reader.end();
    };
    const fail = (failure: BodyFailure): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      failed(failure);
    };
    incoming.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      this.received += chunk.length;
      reader.heard?.();
      if (this.coding === "") reader.data(chunk);
      else this.#undoing ??= this.#undo(chunk, reader, end, fail);
    });
    incoming.on("end", () => {
      // Without a byte there is nothing to undo, whatever the head says.
      if (this.#undoing === undefined) end();
    });
    incoming.on("error", (cause) => {
      fail({ kind: "cut", cause });
    });
    incoming.on("close", () => {
      if (!incoming.readableEnded) fail({ kind: "cut" });
    });
  }

  /** Nothing more is handed over until {@link resume}, but for what is on its way already. */
  pause(): void {
    (this.#undoing ?? this.#incoming).pause();
  }

  resume(): void {
    (this.#undoing ?? this.#incoming).resume();
  }

  /** Nobody reads it any more. */
  destroy(): void {
    this.#isOver = true;
    this.#undoing?.destroy();
  }

  #undo(first: Buffer, reader: BodyReader, end: () => void, fail: (failure: BodyFailure) => void): Transform {
    const undoing = undoCoding(this.coding, first, "whole");
    undoing.on("data", (chunk: Buffer) => {
      reader.data(chunk);
    });
    undoing.on("end", end);
    undoing.on("error", (cause) => {
      fail({ kind: "code" in cause && cause.code === "Z_BUF_ERROR" ? "cut" : "coding", cause });
    });
    undoing.write(first);
    this.#incoming.pipe(undoing);
    return undoing;
  }
}
