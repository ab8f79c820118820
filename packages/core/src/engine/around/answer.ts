import type { ResponseHeaders, ResponseSink } from "../request.ts";
import { StreamReader } from "./stream-reader.ts";

/** A whole response that is at hand. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: ResponseHeaders;
  readonly chunks: readonly Buffer[];
  readonly trailers?: ResponseHeaders;
}

/**
 * Gives an answer to a sink, in the way it takes answers. The caller may change what it gets: headers and bytes are its own.
 */
export function giveAnswer(sink: ResponseSink, answer: Answer): void {
  const { chunks, status, statusText, trailers = {} } = answer;
  const headers = ownHeaders(answer.headers);
  const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
  if (sink.mode === "whole") {
    sink.done(status, headers, statusText, body === undefined ? [] : [body]);
    return;
  }
  const reader = new StreamReader(sink, nobody);
  reader.head(status, headers, statusText);
  if (body !== undefined) reader.data(body);
  reader.end(ownHeaders(trailers));
}

/** Headers that nobody else refers to. */
export function ownHeaders(headers: ResponseHeaders): ResponseHeaders {
  const own = { ...headers };
  for (const [name, value] of Object.entries(own)) if (typeof value === "object") own[name] = [...value];
  return own;
}

/** All of the answer is here: its source has nothing to hear. */
const nobody = {
  readerPaused(): void {
    // Nothing comes any more.
  },
  readerGone(): void {
    // As above.
  },
};
