import type { DiscoveryErrorClass } from "@proxyless/core";
import { SourceError, isRecord, statusError } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

/** The gRPC codes that decide something here. */
export const grpcCode = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** A refusal by etcd itself, with its gRPC code where it gave one. */
export class EtcdError extends SourceError {
  readonly code: number | undefined;
  /** A fresh token may help. */
  readonly isTokenTrouble: boolean;

  constructor(what: string, { code, message }: Refusal, status?: number, retryAfterMs?: number) {
    const isTokenTrouble = code === grpcCode.unauthenticated || tokenTrouble.test(message);
    const kind = isTokenTrouble ? "auth" : classOf(code, message, status);
    super(
      kind,
      `${what}: etcd answered ${status ?? "in its stream"} "${message}"${hintOf(message, status)}`,
      {
        status,
        retryAfterMs,
      },
    );
    this.code = code;
    this.isTokenTrouble = isTokenTrouble;
  }
}

/** What an error of the gateway says, whichever version wrote it. */
export interface Refusal {
  readonly code: number | undefined;
  readonly message: string;
}

const tokenTrouble = /invalid auth token|revision of auth store is old|user name is empty/i;

/** Reads an answer that is no success; one that is no JSON comes from before etcd's own handlers, or from a proxy. */
export function refusalOf(what: string, response: RegistryResponse, wallNow: number): EtcdError {
  const { body, status } = response;
  const refusal = readRefusal(parse(body)) ?? { code: undefined, message: shorten(body) };
  return new EtcdError(what, refusal, status, statusError(what, response, wallNow).retryAfterMs);
}

/**
 * Reads the three shapes of an error: `{error, message, code}` (3.4), `{code, message}` (3.5) and `google.rpc.Status`
 * (3.6, which adds `details`); inside a stream 3.4 and 3.5 write `{grpc_code, http_code, message}`.
 * @returns `undefined` when it is none of them
 */
export function readRefusal(json: unknown): Refusal | undefined {
  if (!isRecord(json)) return undefined;
  const message = json["message"] ?? json["error"];
  if (typeof message !== "string") return undefined;
  const code = json["code"] ?? json["grpc_code"];
  return {
    code: typeof code === "number" ? code : undefined,
    message: shorten(message),
  };
}

/** `rpc error: code = PermissionDenied desc = etcdserver: permission denied`, as a watch is cancelled with. */
export function readCancelReason(reason: string): Refusal {
  const [, name = "", text = reason] = /code = (\w+) desc = (.*)$/.exec(reason) ?? [];
  const names: Readonly<Record<string, number>> = {
    InvalidArgument: grpcCode.invalidArgument,
    PermissionDenied: grpcCode.permissionDenied,
    OutOfRange: grpcCode.outOfRange,
    Unauthenticated: grpcCode.unauthenticated,
  };
  const isDenied = /permission denied/i.test(text);
  return { code: names[name] ?? (isDenied ? grpcCode.permissionDenied : undefined), message: text };
}

function shorten(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 200);
}

function hintOf(message: string, status: number | undefined): string {
  if (/CommonName of client/i.test(message)) {
    return "; with access control on, etcd's gateway takes no client certificate that has a common name";
  }
  return status === 404 && /page not found/i.test(message) ? "; is its JSON gateway turned off?" : "";
}

function classOf(code: number | undefined, message: string, status: number | undefined): DiscoveryErrorClass {
  if (code === grpcCode.permissionDenied || /authentication failed/i.test(message)) return "auth";
  if (code === grpcCode.outOfRange) return "protocol-reset";
  const refused = [
    grpcCode.invalidArgument,
    grpcCode.notFound,
    grpcCode.failedPrecondition,
    grpcCode.unimplemented,
  ];
  if (code !== undefined) return refused.some((one) => one === code) ? "config" : "transient";
  if (status === 401 || status === 403) return "auth";
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429
    ? "config"
    : "transient";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
