import { SourceError } from "@proxyless/core/discovery";

/** The error codes of ZooKeeper that something is done about. */
export const zkCodes = {
  unimplemented: -6,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  authFailed: -115,
  noWatcher: -121,
} as const;

const names: Readonly<Record<number, string>> = {
  [-1]: "system error",
  [-2]: "runtime inconsistency",
  [-3]: "data inconsistency",
  [-4]: "connection loss",
  [-5]: "marshalling error",
  [-6]: "unimplemented",
  [-7]: "operation timeout",
  [-8]: "bad arguments",
  [-101]: "no such node",
  [-102]: "not allowed",
  [-103]: "bad version",
  [-108]: "ephemeral nodes have no children",
  [-110]: "the node exists",
  [-111]: "the node has children",
  [-112]: "session expired",
  [-114]: "invalid access rules",
  [-115]: "authentication failed",
  [-118]: "session moved",
  [-119]: "the server is read-only",
  [-121]: "no such watch",
  [-122]: "the request timed out",
  [-124]: "the session has to authenticate",
  [-125]: "quota exceeded",
  [-127]: "throttled",
};

/** What is wrong with the request or the rights; everything else may pass by itself. */
const classes: Readonly<Record<number, SourceError["class"]>> = {
  [-5]: "config",
  [-6]: "config",
  [-8]: "config",
  [-102]: "auth",
  [-108]: "config",
  [-111]: "config",
  [-114]: "config",
  [-115]: "auth",
  [-124]: "auth",
  [-125]: "config",
};

/** A refusal by ZooKeeper itself, with its code. */
export class ZookeeperError extends SourceError {
  readonly code: number;

  constructor(code: number, what: string) {
    super(classes[code] ?? "transient", `${what}: ${names[code] ?? "error"} (${code})`);
    this.code = code;
  }
}

/** Whether something that was thrown is this refusal. */
export function isRefusal(error: unknown, code: number): boolean {
  return error instanceof ZookeeperError && error.code === code;
}
