import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { WireTrust } from "../context/wire.ts";
import { configError } from "../errors.ts";
import { checkChoice, checkFlag, checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import type { InboundEvent } from "./inbound-event.ts";

/**
 * What is done with the deadlines of requests. `off`: nothing, they are not read. `measure`: counted and reported, how
 * many would have been refused or cut and by how much, while nothing changes for anybody. `enforce`: they hold.
 */
export type InboundMode = "off" | "measure" | "enforce";

/** Which headers of a request are believed. */
export interface InboundHeaders {
  /** `grpc-timeout`; `true` by default. */
  readonly grpcTimeout?: boolean | undefined;
  /** `x-envoy-expected-rq-timeout-ms`; `true` by default. */
  readonly envoyTimeout?: boolean | undefined;
  /** `x-envoy-attempt-count` and `x-proxyless-chain-stop`; `true` by default. */
  readonly attempt?: boolean | undefined;
  /** `x-proxyless-criticality`; `true` by default. */
  readonly criticality?: boolean | undefined;
}

/** How requests are taken in. */
export interface InboundOptions {
  /** `measure` by default: look at what it would do, then set it to `enforce`. */
  readonly mode?: InboundMode | undefined;
  /** Which headers are believed; `false` for none, where requests come from strangers. */
  readonly headers?: false | InboundHeaders | undefined;
  /** A longer time than this counts as this, in milliseconds; 1 to 2,147,483,647; 60,000 by default. */
  readonly maxDeadlineMs?: number | undefined;
  /**
   * A request that comes with less time than this is too late, in milliseconds: no answer can be made in it. 0 to
   * 60,000 and at most `maxDeadlineMs`; 1 by default.
   */
  readonly minDeadlineMs?: number | undefined;
  /**
   * In any 10 seconds no more than this share of the requests (and ten besides) is refused as too late; those above are
   * served as if they had no deadline. It keeps a caller or a proxy that gets its times wrong from taking the service
   * down. 0 to 1; 0.2 by default; 1 for no such limit.
   */
  readonly maxRefusedRatio?: number | undefined;
  /**
   * So many milliseconds after the deadline a request without an answer is answered 504, whatever the handler does; 0 to
   * 60,000. `false`, the default, leaves the answer to the handler, which may fail where it writes a second one.
   */
  readonly respondMs?: false | number | undefined;
  /** Told of each event, as it happens; what it throws is rethrown later and disturbs no request. */
  readonly onEvent?: ((event: InboundEvent) => void) | undefined;
  /** The source of time, the same as the mesh's; the system's by default. */
  readonly clock?: Clock | undefined;
}

/** {@link InboundOptions} with every field known. */
export interface ResolvedInbound {
  readonly mode: InboundMode;
  readonly headers: WireTrust;
  readonly maxDeadlineMs: number;
  readonly minDeadlineMs: number;
  readonly maxRefusedRatio: number;
  readonly respondMs: number | false;
  readonly onEvent: ((event: InboundEvent) => void) | undefined;
  readonly clock: Clock;
}

const keys: readonly (keyof InboundOptions)[] = [
  "mode",
  "headers",
  "maxDeadlineMs",
  "minDeadlineMs",
  "maxRefusedRatio",
  "respondMs",
  "onEvent",
  "clock",
];

/**
 * Checks {@link InboundOptions} and fills in what they leave out.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveInbound(options: InboundOptions = {}): ResolvedInbound {
  const given = checkObject(options, "", keys);
  const number = (key: string, min: number, max: number): number | undefined =>
    checkNumber(given[key], key, { min, max });
  const max = number("maxDeadlineMs", 1, 2 ** 31 - 1) ?? 60_000;
  const min = number("minDeadlineMs", 0, 60_000) ?? 1;
  if (min > max) throw configError("minDeadlineMs", `at most maxDeadlineMs (${max})`, min);
  const { clock, onEvent } = options;
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw configError("onEvent", "a function", onEvent);
  }
  return {
    mode: checkMode(given["mode"]) ?? "measure",
    headers: resolveHeaders(given["headers"]),
    maxDeadlineMs: max,
    minDeadlineMs: min,
    maxRefusedRatio: number("maxRefusedRatio", 0, 1) ?? 0.2,
    respondMs: given["respondMs"] === false ? false : (number("respondMs", 0, 60_000) ?? false),
    onEvent,
    clock: clock ?? systemClock,
  };
}

/**
 * A mode, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkMode(value: unknown): InboundMode | undefined {
  return checkChoice(value, "mode", ["off", "measure", "enforce"]);
}

function resolveHeaders(input: unknown): WireTrust {
  const fields = ["grpcTimeout", "envoyTimeout", "attempt", "criticality"] as const;
  const given = input === false ? {} : checkObject(input, "headers", fields, true);
  const believed = (key: (typeof fields)[number]): boolean =>
    checkFlag(given[key], fieldPath("headers", key)) ?? input !== false;
  return {
    grpcTimeout: believed("grpcTimeout"),
    envoyTimeout: believed("envoyTimeout"),
    attempt: believed("attempt"),
    criticality: believed("criticality"),
  };
}
