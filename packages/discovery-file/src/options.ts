import { configError } from "@proxyless/core";
import { knownKeys, oneOf, optionalText, record, text, wholeNumber } from "@proxyless/core/discovery";

/** How to look services up in files. */
export interface FileOptions {
  /**
   * Where the files are: a file; a folder, for all of its `.json`, `.yaml` and `.yml` files; a pattern whose last part may
   * hold `*` and `?`; or one with `{service}` in its last part, for a file of each service. Or several of these, of which a
   * service's first one counts.
   */
  readonly path: string | readonly string[];
  /** What is in them; `auto`: YAML for `.yaml` and `.yml`, else JSON. Default: `auto`. */
  readonly format?: "auto" | "json" | "yaml";
  /** The label of a Prometheus file that names the service. Default: `service`, then `job`, then the file's own name. */
  readonly serviceLabel?: string;
  /** Whether to watch the folders; without it files are only read every `pollMs`. Default: true. */
  readonly watch?: boolean;
  /** How often the files are read whatever a watch says, in milliseconds, 50 to 3,600,000. Default: 30,000. */
  readonly pollMs?: number;
  /** The largest file that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBytes?: number;
}

/** {@link FileOptions}, checked and complete. */
export interface Settings {
  readonly paths: readonly string[];
  readonly format: "auto" | "json" | "yaml";
  readonly serviceLabel: string | undefined;
  readonly watch: boolean;
  readonly pollMs: number;
  readonly maxBytes: number;
}

const keys = ["path", "format", "serviceLabel", "watch", "pollMs", "maxBytes"];

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: FileOptions): Settings {
  knownKeys("", record("options", options), keys);
  const { watch = true } = options;
  if (typeof watch !== "boolean") throw configError("watch", "true or false", watch);
  return Object.freeze({
    paths: pathList(options.path),
    format: oneOf("format", options.format, ["auto", "json", "yaml"], "auto"),
    serviceLabel: optionalText("serviceLabel", options.serviceLabel),
    watch,
    pollMs: wholeNumber("pollMs", options.pollMs, 30_000, 50, 3_600_000),
    maxBytes: wholeNumber("maxBytes", options.maxBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
  });
}

function pathList(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw configError("path", "a path or a non-empty array of paths", value);
  return list.map((each, i) => {
    const field = list.length === 1 ? "path" : `path[${i}]`;
    const path = text(field, each);
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    if (/[*?]|\{service\}/u.test(folder)) {
      throw configError(field, "a path with *, ? and {service} in its last part only", each);
    }
    return path;
  });
}
