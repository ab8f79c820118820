import type { ServerResponse } from "node:http";

import type { Stored } from "./slice-history.ts";

/** A slice as it is sent. */
export function jsonOf(slice: Stored, version: string, isWatched: boolean): object {
  const { namespace, revision, metadata, ...rest } = slice;
  return {
    // The items of a list do not repeat what they are.
    ...(isWatched ? { kind: "EndpointSlice", apiVersion: `discovery.k8s.io/${version}` } : {}),
    metadata: { ...metadata, namespace, resourceVersion: String(revision) },
    ...rest,
  };
}

/** Answers with JSON. */
export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Answers that a request is not served. */
export function fail(response: ServerResponse, status: number, message: string): void {
  answer(response, status, statusJson(status, message));
}

/** What an API server answers when it does not do what it was asked. */
export function statusJson(code: number, message: string): object {
  const isTooLarge = message.includes("Too large resource version");
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    code,
    ...(isTooLarge
      ? {
          reason: "Timeout",
          details: { causes: [{ reason: "ResourceVersionTooLarge", message }], retryAfterSeconds: 1 },
        }
      : {}),
  };
}

/** What a list continues with. */
export function makeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify([revision, after])).toString("base64url");
}

/** The revision of a continued list, and the last name that was told. */
export function readToken(token: string): readonly [number, string] {
  const [revision, after]: unknown[] = JSON.parse(Buffer.from(token, "base64url").toString());
  return [Number(revision), String(after)];
}
