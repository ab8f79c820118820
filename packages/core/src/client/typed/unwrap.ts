import { ProxylessError } from "../../errors.ts";
import type { LooseResult } from "./client-types.ts";
import { statusLine } from "./response.ts";

/** `data` of the successful half of a result. */
export type DataOf<Result> = Result extends { readonly data: infer Data; readonly error: undefined }
  ? Data
  : never;

/**
 * For callers who would rather catch than compare: `const order = await unwrap(orders.GET("/orders/{id}", …))`.
 * Resolves with `data` and rejects with `ERR_PROXYLESS_STATUS` for an answer outside 2xx; the error's `cause` is the
 * call's `response`, whose body is left out because errors end in logs.
 */
export async function unwrap<Result extends LooseResult>(call: Promise<Result>): Promise<DataOf<Result>>;
export async function unwrap(call: Promise<LooseResult>): Promise<unknown> {
  const { data, response } = await call;
  if (response.ok) return data;
  throw new ProxylessError(
    "ERR_PROXYLESS_STATUS",
    `${response.call} answered ${statusLine(response.status, response.statusText)}`,
    { service: response.service, phase: "body", cause: response },
  );
}
