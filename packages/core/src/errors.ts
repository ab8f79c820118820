/** Every code a {@link ProxylessError} can carry; `docs/errors.md` explains each one. */
export const errorCodes = [
  "ERR_PROXYLESS_CONFIG",
  "ERR_PROXYLESS_REQUEST",
  "ERR_PROXYLESS_UNKNOWN_SERVICE",
  "ERR_PROXYLESS_DISCOVERY",
  "ERR_PROXYLESS_NO_ENDPOINTS",
  "ERR_PROXYLESS_CONNECT",
  "ERR_PROXYLESS_RESET",
  "ERR_PROXYLESS_PROTOCOL",
  "ERR_PROXYLESS_TIMEOUT",
  "ERR_PROXYLESS_CIRCUIT_OPEN",
  "ERR_PROXYLESS_SHED",
  "ERR_PROXYLESS_CONTRACT",
  "ERR_PROXYLESS_DECODE",
  "ERR_PROXYLESS_STATUS",
  "ERR_PROXYLESS_REGISTRATION",
  "ERR_PROXYLESS_CLOSED",
] as const;

/** A stable code, made to be matched on. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * A short reason in the manner of Envoy's response flags: `UF` connection failure, `UC` connection termination,
 * `UT` attempt timeout, `DT` the call's total time is over, `UH` no healthy endpoint, `UO` refused by a circuit,
 * `NR` no such service, `RL` rate limited, `UPE` protocol error, `DC` the caller gave up, `LR` refused locally, `FI` fault injected, `DI` delay
 * injected.
 */
export type ReasonFlag =
  | "UF"
  | "UC"
  | "UT"
  | "DT"
  | "UH"
  | "UO"
  | "NR"
  | "RL"
  | "UPE"
  | "DC"
  | "LR"
  | "FI"
  | "DI";

/**
 * How far an attempt got. `connect`: nothing was sent. `sent`: the request may have reached the endpoint and no
 * answer came. `headers`: the answer's head came. `body`: part of the answer's body came.
 */
export type Phase = "connect" | "sent" | "headers" | "body";

/**
 * Why a call was not let through. `rate_limit`: no token is left. `throttled`: the service refuses so many calls that this one
 * was not even sent, or it asked to be left alone. `concurrency`: as many calls are in flight as may be. `queue_full`: and as
 * many wait; or the call waited, and a more important one took its place. `queue_timeout`: it waited as long as it may.
 */
export type ShedReason = "rate_limit" | "throttled" | "concurrency" | "queue_full" | "queue_timeout";

/** Which time limit ended a call or an attempt. */
export type TimeoutKind = "connect" | "queue" | "headers" | "attempt" | "body_idle" | "stream" | "total";

/**
 * What kind of trouble a source has. `transient`: try again. `auth`: credentials are missing or wrong. `config`: the
 * request itself is refused. `data`: the answer makes no sense. `protocol-reset`: the stream must start over.
 */
export type DiscoveryErrorClass = "transient" | "auth" | "config" | "data" | "protocol-reset";

/** One try of a call, as an error remembers it. */
export interface AttemptRecord {
  /** 1 for the first attempt. */
  readonly number: number;
  /** `host:port` of the endpoint. */
  readonly endpoint: string;
  readonly phase: Phase;
  /** The response's status, when one arrived. */
  readonly status?: number;
  /** What went wrong, when no usable response arrived. */
  readonly reason?: string;
  readonly durationMs: number;
}

/** What an error may say besides its message. */
export interface ErrorDetails {
  readonly cause?: unknown;
  readonly service?: string | undefined;
  /** `host:port` of the endpoint of the last attempt. */
  readonly endpoint?: string | undefined;
  readonly attempts?: readonly AttemptRecord[] | undefined;
  readonly phase?: Phase | undefined;
  readonly timeout?: TimeoutKind | undefined;
  readonly flag?: ReasonFlag | undefined;
  /** Whether calling again later may help. */
  readonly retryable?: boolean | undefined;
  /** Milliseconds after which calling again may help. */
  readonly retryAfterMs?: number | undefined;
  /** Why the call was not let through, for `ERR_PROXYLESS_SHED`. */
  readonly shed?: ShedReason | undefined;
  /** The option at fault, as a path (`retry.maxAttempts`), for `ERR_PROXYLESS_CONFIG`. */
  readonly field?: string | undefined;
}

const brand = Symbol.for("proxyless.error");

/**
 * The one error class of proxyless. Match on `code`, not on the message; `instanceof` works across copies of the
 * package. Secrets (tokens, cookies, `authorization` values) never appear in it.
 */
export class ProxylessError extends Error {
  override readonly name = "ProxylessError";
  readonly code: ErrorCode;
  readonly service: string | undefined;
  readonly endpoint: string | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly phase: Phase | undefined;
  readonly timeout: TimeoutKind | undefined;
  readonly flag: ReasonFlag | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly shed: ShedReason | undefined;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.service = details.service;
    this.endpoint = details.endpoint;
    this.attempts = details.attempts ?? [];
    this.phase = details.phase;
    this.timeout = details.timeout;
    this.flag = details.flag;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.shed = details.shed;
    this.field = details.field;
  }

  static {
    Object.defineProperty(ProxylessError.prototype, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/**
 * An option out of its range. The message names the field, what is legal and what came, but no text that may be a credential.
 * @param field path of the option, as the user wrote it (`timeout.totalMs`)
 */
export function configError(field: string, expected: string, received: unknown): ProxylessError {
  const isSecret = ["string", "number"].includes(typeof received) && credentialField.test(field);
  const got = isSecret ? '"something else"' : show(received);
  return new ProxylessError("ERR_PROXYLESS_CONFIG", `${field} must be ${expected}, got ${got}`, { field });
}

/**
 * A value as an error message may show it: short, on one line, without the inside of objects. A text is shown only where it is made of
 * plain words and numbers: what was meant for another option may be a token.
 */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return isPlain(value) ? JSON.stringify(value) : `a text of ${value.length} characters`;
  }
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

const MAX_SHOWN = 60;
const MAX_WORD = 20;
const credentialField = /secret|token(?!s)|passw|pwd|authorization|credential|api-?key|private/i;
const credentialWord = /secret|token|passw|credential|bearer|basic /i;
/** In a URL: who asks, and what for. And the head of a key. */
const aroundCredentials = /@|[?#].|-----/;
/** Letters, a number with its unit (`30s`), a version (`TLSv1`) or a short name (`p2c`, `http2`): what else mixes them may be made by chance. */
const word = /^(?:\p{L}+|\p{L}{0,5}v\d{1,2}|\d+[a-zA-Z]{0,2}|[a-z\d]{1,8})$/u;

function isPlain(text: string): boolean {
  if (text.length > MAX_SHOWN || credentialWord.test(text) || aroundCredentials.test(text)) return false;
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.every((one) => one.length <= MAX_WORD && word.test(one));
}
