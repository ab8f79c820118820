/** A request that the server understood, or the answer that it gets instead. */
export interface ListRequest {
  readonly version: string;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
  readonly watch: boolean;
  readonly limit: number | undefined;
  readonly continueFrom: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly notOlderThan: boolean;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean;
  readonly timeoutSeconds: number | undefined;
}

/** What is wrong with a request, in the words of the API server where it has any. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const known = new Set([
  "labelSelector",
  "watch",
  "limit",
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  "allowWatchBookmarks",
  "sendInitialEvents",
  "timeoutSeconds",
]);

/**
 * Reads the path and the query of a request for EndpointSlices. Stricter than an API server: it refuses what that
 * ignores (unknown parameters) and what does harm there (a watch without a revision, which goes past its cache).
 */
export function readRequest(url: URL): ListRequest {
  const match =
    /^\/apis\/discovery\.k8s\.io\/([a-z0-9]+)\/namespaces\/([a-z0-9-]+)\/endpointslices(?:\/([a-z0-9.-]+))?$/;
  const [, version, namespace, name] = match.exec(url.pathname) ?? [];
  if (version === undefined || namespace === undefined) {
    throw new BadRequest(404, "the server could not find the requested resource");
  }
  const query = url.searchParams;
  for (const key of query.keys()) {
    if (!known.has(key)) throw new BadRequest(400, `unknown parameter ${key}`);
    if (query.getAll(key).length > 1) throw new BadRequest(400, `parameter ${key} given twice`);
    if (query.get(key) === "") throw new BadRequest(400, `parameter ${key} is empty`);
  }
  const request = {
    version,
    namespace,
    name,
    matches: readSelector(query.get("labelSelector") ?? ""),
    watch: flag(query, "watch"),
    limit: whole(query, "limit"),
    continueFrom: query.get("continue") ?? undefined,
    resourceVersion: query.get("resourceVersion") ?? undefined,
    notOlderThan: query.get("resourceVersionMatch") === "NotOlderThan",
    bookmarks: flag(query, "allowWatchBookmarks"),
    sendInitialEvents: flag(query, "sendInitialEvents"),
    timeoutSeconds: whole(query, "timeoutSeconds"),
  };
  check(request, query);
  return request;
}

function check(request: ListRequest, query: URLSearchParams): void {
  const { watch, resourceVersion, sendInitialEvents, notOlderThan } = request;
  const forbid = (when: boolean, message: string): void => {
    if (when) throw new BadRequest(422, message);
  };
  forbid(
    query.has("resourceVersionMatch") && !notOlderThan,
    "resourceVersionMatch: only NotOlderThan is expected here",
  );
  if (watch) {
    forbid(
      request.continueFrom !== undefined || request.limit !== undefined,
      "limit and continue are for lists",
    );
    forbid(sendInitialEvents && !notOlderThan, "sendInitialEvents: needs resourceVersionMatch NotOlderThan");
    forbid(sendInitialEvents && !request.bookmarks, "sendInitialEvents: its end is told by a bookmark");
    forbid(notOlderThan && !sendInitialEvents, "resourceVersionMatch is forbidden for watch");
    forbid(resourceVersion === undefined && !sendInitialEvents, "a watch without a resourceVersion");
    forbid(resourceVersion === "0", "a watch from any state may go back in time");
  } else {
    forbid(sendInitialEvents || request.bookmarks, "parameters of a watch on a list");
    forbid(notOlderThan && resourceVersion === undefined, "resourceVersionMatch: needs resourceVersion");
    forbid(
      request.continueFrom !== undefined && resourceVersion !== undefined,
      "specifying resource version is not allowed when using continue",
    );
  }
  forbid(resourceVersion !== undefined && !/^\d+$/.test(resourceVersion), "resourceVersion: Invalid value");
}

function flag(query: URLSearchParams, key: string): boolean {
  const value = query.get(key);
  if (value === null) return false;
  if (value !== "true" && value !== "false") throw new BadRequest(400, `${key}: expected true or false`);
  return value === "true";
}

function whole(query: URLSearchParams, key: string): number | undefined {
  const value = query.get(key);
  if (value === null) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new BadRequest(400, `${key}: expected a whole number`);
  return Number(value);
}

/** `key`, `key=value` and `key in (a,b)`, joined by commas. */
function readSelector(text: string): ListRequest["matches"] {
  const parts = text === "" ? [] : text.split(/,(?![^(]*\))/);
  const tests = parts.map((part) => {
    const [, key = "", operator, values = ""] = /^([A-Za-z0-9./_-]+)(?:(=| in )(.*))?$/.exec(part) ?? [];
    if (key === "") throw new BadRequest(400, `unable to parse requirement: ${part}`);
    if (operator === undefined)
      return (labels: Readonly<Record<string, string>>) => labels[key] !== undefined;
    const wanted = operator === "=" ? [values] : values.replaceAll(/[()]/g, "").split(",");
    return (labels: Readonly<Record<string, string>>) => wanted.includes(labels[key] ?? "\0");
  });
  return (labels) => tests.every((test) => test(labels));
}
