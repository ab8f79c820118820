import type { Criticality } from "../../context/criticality.ts";
import type { CallRetryOptions, PickExplanation } from "../../engine/request.ts";
import type { ParseAs } from "./decode.ts";
import type { HeadersInput } from "./headers.ts";
import type {
  BodyOption,
  DataAs,
  ErrorBody,
  HttpMethod,
  ParamsOption,
  PathsWithMethod,
  QueryOf,
  Readable,
  RequestBodyOf,
  RequiredKeys,
} from "./openapi-types.ts";
import type { QueryFunction, QuerySerializerOptions } from "./query.ts";
import type { CallResponse } from "./response.ts";

/** Options of a typed client that hold for all of its calls. */
export interface TypedClientOptions {
  /** Path put before every path, such as `/v1`. Default: none. */
  readonly baseUrl?: string | undefined;
  /** Headers of every call; a call's own win, and remove one by `null`. */
  readonly headers?: HeadersInput | undefined;
  /** How query parameters are written. Default: lists exploded, objects as `deepObject`. */
  readonly querySerializer?: QuerySerializerOptions | QueryFunction | undefined;
  /** Turns bodies into what is sent. Default: JSON for data, everything else as it is. */
  readonly bodySerializer?: ((body: unknown) => unknown) | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Headers of this call, over the client's; `null` removes one. */
  readonly headers?: HeadersInput | undefined;
  /** Ends the call; its reason is what the call rejects with. */
  readonly signal?: AbortSignal | null | undefined;
  /** Total time for the call in milliseconds, retries included. Default: the service's policy. */
  readonly timeoutMs?: number | undefined;
  /** Over the service's retry policy; `false` turns retries off. */
  readonly retry?: CallRetryOptions | false | undefined;
  /** Sent as `idempotency-key`; makes any method retryable. */
  readonly idempotencyKey?: string | undefined;
  /** What hash-based balancers hash. */
  readonly hashKey?: string | undefined;
  /** How much the call matters where calls are shed: that of the work it is made in by default, else `critical`. */
  readonly criticality?: Criticality | undefined;
  /** Whose calls it is counted with, where the rate limit is per key. */
  readonly rateLimitKey?: string | undefined;
  /**
   * The endpoint to call, `host:port`, or several in order of preference; one that is not there or may not be picked is
   * passed over, and if none is left the balancer chooses.
   */
  readonly endpoint?: string | readonly string[] | undefined;
  /** Called for each attempt with the reasons for the choice of its endpoint. */
  readonly explain?: ((explanation: PickExplanation) => void) | undefined;
}

/** The second argument of a call. */
export type CallInit<Op, As extends ParseAs = "json"> = CallOptions &
  ParamsOption<Op> &
  BodyOption<Op> & {
    /** How the body of a 2xx answer is given. Default: `json`. */
    readonly parseAs?: As | undefined;
    /** How this call's query is written; options are merged over the client's. */
    readonly querySerializer?: QuerySerializerOptions | ((query: QueryOf<Op>) => string) | undefined;
    /** Turns this call's body into what is sent. */
    readonly bodySerializer?: ((body: RequestBodyOf<Op>) => unknown) | undefined;
  };

type InitArguments<Op, As extends ParseAs> = [
  RequiredKeys<ParamsOption<Op>> | RequiredKeys<BodyOption<Op>>,
] extends [never]
  ? [init?: CallInit<Op, As>]
  : [init: CallInit<Op, As>];

/** How a call ended with an answer: `error` is undefined after a 2xx and never otherwise. */
export type CallResult<Data, Failure> =
  | { readonly data: Data; readonly error: undefined; readonly response: CallResponse }
  | { readonly data: undefined; readonly error: Failure; readonly response: CallResponse };

type OperationOf<Paths, Path extends keyof Paths, Method extends HttpMethod> = Paths[Path][Method &
  keyof Paths[Path]];

/** One method of a typed client. */
type ClientMethod<Paths, Method extends HttpMethod> = <
  Path extends PathsWithMethod<Paths, Method>,
  As extends ParseAs = "json",
>(
  path: Path,
  ...init: InitArguments<OperationOf<Paths, Path, Method>, As>
) => Promise<
  CallResult<
    DataAs<OperationOf<Paths, Path, Method>, As>,
    Readable<ErrorBody<OperationOf<Paths, Path, Method>>>
  >
>;

type ClientRequest<Paths> = <
  Method extends HttpMethod,
  Path extends PathsWithMethod<Paths, Method>,
  As extends ParseAs = "json",
>(
  method: Method,
  path: Path,
  ...init: InitArguments<OperationOf<Paths, Path, Method>, As>
) => Promise<
  CallResult<
    DataAs<OperationOf<Paths, Path, Method>, As>,
    Readable<ErrorBody<OperationOf<Paths, Path, Method>>>
  >
>;

/**
 * A client for one service, in the calling convention of openapi-fetch. Methods may be taken off it
 * (`const { GET } = client`).
 *
 * A call resolves with `{ data, error, response }` whenever the service answered. It rejects with a
 * {@link ProxylessError} when it did not (no endpoint, time-out, circuit open, connection lost), when the request cannot
 * be written or when the answer cannot be read, and with the signal's reason when the caller ended it.
 */
export interface TypedClient<Paths> {
  readonly GET: ClientMethod<Paths, "get">;
  readonly PUT: ClientMethod<Paths, "put">;
  readonly POST: ClientMethod<Paths, "post">;
  readonly DELETE: ClientMethod<Paths, "delete">;
  readonly OPTIONS: ClientMethod<Paths, "options">;
  readonly HEAD: ClientMethod<Paths, "head">;
  readonly PATCH: ClientMethod<Paths, "patch">;
  readonly TRACE: ClientMethod<Paths, "trace">;
  /** Any of the methods, by its name in lower case. */
  readonly request: ClientRequest<Paths>;
}

/** The second argument when nothing is known of the operation. */
export interface LooseInit extends CallOptions {
  readonly params?:
    | {
        readonly path?: Readonly<Record<string, unknown>> | undefined;
        readonly query?: Readonly<Record<string, unknown>> | undefined;
        readonly header?: Readonly<Record<string, unknown>> | undefined;
        readonly cookie?: Readonly<Record<string, unknown>> | undefined;
      }
    | undefined;
  readonly body?: unknown;
  readonly parseAs?: ParseAs | undefined;
  readonly querySerializer?: QuerySerializerOptions | QueryFunction | undefined;
  readonly bodySerializer?: ((body: unknown) => unknown) | undefined;
}

/** A result before anything is known of its types. */
export interface LooseResult {
  readonly data: unknown;
  readonly error: unknown;
  readonly response: CallResponse;
}
