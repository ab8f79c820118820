import { configError } from "@proxyless/core";
import { isRecord, optionalText, record } from "@proxyless/core/discovery";

/** Certificate files that somebody else keeps fresh. */
export interface WatchedFiles {
  /** PEM of the authorities to trust; the system's when absent. */
  readonly caFile: string | undefined;
  /** PEM of this process's own certificate; there when `keyFile` is. */
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  /** How often they are read again, in milliseconds. */
  readonly refreshMs: number;
}

/** How a connection to a management server is secured. */
export type ChannelSecurity =
  | { readonly type: "insecure" }
  | { readonly type: "tls"; readonly files: WatchedFiles };

const refreshDefault = 600_000;
const maxRefreshMs = 86_400_000;

/**
 * The first kind of credentials in the list that is known here: `insecure` or `tls` (gRPC A65).
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function readChannelCredentials(field: string, value: unknown): ChannelSecurity {
  if (!Array.isArray(value)) throw configError(field, "an array of credentials", value);
  const entries: readonly unknown[] = value;
  for (const [i, entry] of entries.entries()) {
    const { type, config } = record(`${field}[${i}]`, entry);
    if (type === "insecure") return { type };
    if (type === "tls") return { type, files: readFiles(`${field}[${i}].config`, config ?? {}) };
  }
  const types = entries.map((entry) => (isRecord(entry) ? String(entry["type"]) : "?")).join(", ");
  if (types.includes("google_default")) {
    const expected =
      "insecure or tls: google_default needs Google's own libraries, which this package has not";
    throw configError(`${field}[].type`, expected, types);
  }
  throw configError(`${field}[].type`, "insecure or tls", types);
}

/**
 * The files of a `file_watcher` certificate provider (gRPC A29).
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function readFileWatcher(field: string, value: unknown): WatchedFiles {
  const files = readFiles(field, value);
  if (files.caFile === undefined && files.certificateFile === undefined) {
    throw configError(
      field,
      "one with certificate_file and private_key_file, ca_certificate_file or both",
      value,
    );
  }
  return files;
}

function readFiles(field: string, value: unknown): WatchedFiles {
  const config = record(field, value);
  const certificateFile = optionalText(`${field}.certificate_file`, config["certificate_file"]);
  const keyFile = optionalText(`${field}.private_key_file`, config["private_key_file"]);
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    const missing = certificateFile === undefined ? "certificate_file" : "private_key_file";
    throw configError(`${field}.${missing}`, "given when the other of the two is", undefined);
  }
  return {
    caFile: optionalText(`${field}.ca_certificate_file`, config["ca_certificate_file"]),
    certificateFile,
    keyFile,
    refreshMs: readDuration(`${field}.refresh_interval`, config["refresh_interval"]),
  };
}

/** A duration as JSON has it for protobuf: `"600s"`. */
function readDuration(field: string, value: unknown): number {
  if (value === undefined) return refreshDefault;
  const match = typeof value === "string" ? /^(\d+(?:\.\d{1,9})?)s$/.exec(value) : null;
  const ms = Number(match?.[1]) * 1000;
  if (!(ms >= 100 && ms <= maxRefreshMs))
    throw configError(field, 'a duration from "0.1s" to "86400s"', value);
  return ms;
}
