import type { CallRequest, ResponseHeaders, WholeSink } from "../../engine/request.ts";
import { releaseBody } from "./body.ts";
import type { LooseResult } from "./client-types.ts";
import { decodeData, decodeError } from "./decode.ts";
import type { ParseAs } from "./decode.ts";
import { CallResponse } from "./response.ts";

/** Settles one call from an answer that is read whole. */
export class WholeCall implements WholeSink {
  readonly mode = "whole";
  readonly #resolve: (result: LooseResult) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #service: string;
  readonly #request: CallRequest;
  readonly #parseAs: Exclude<ParseAs, "stream">;
  readonly #keepEmptyErrors: boolean;
  readonly #source: unknown;

  /** @param source the caller's own body, ended if the call fails */
  constructor(
    resolve: (result: LooseResult) => void,
    reject: (reason: unknown) => void,
    service: string,
    request: CallRequest,
    parseAs: Exclude<ParseAs, "stream">,
    keepEmptyErrors: boolean,
    source: unknown,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#service = service;
    this.#request = request;
    this.#parseAs = parseAs;
    this.#keepEmptyErrors = keepEmptyErrors;
    this.#source = source;
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    const request = this.#request;
    const response = new CallResponse(status, statusText, headers, this.#service, request);
    if (!response.ok) {
      const error = decodeError(chunks, status, statusText, this.#keepEmptyErrors);
      this.#resolve({ data: undefined, error, response });
      return;
    }
    try {
      const data = decodeData(this.#parseAs, chunks, status, headers, this.#service, request);
      this.#resolve({ data, error: undefined, response });
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: unknown): void {
    releaseBody(this.#source);
    this.#reject(error);
  }
}
