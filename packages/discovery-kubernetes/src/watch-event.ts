import { isRecord, SourceError } from "@proxyless/core/discovery";

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: "put" | "delete"; readonly object: unknown; readonly revision: string | undefined }
  /** Nothing changed; with `isInitialEnd` everything there was has been told. */
  | { readonly type: "bookmark"; readonly revision: string | undefined; readonly isInitialEnd: boolean }
  | { readonly type: "error"; readonly object: unknown }
  /** A kind of event that is not known yet. */
  | { readonly type: "other" };

/**
 * Reads one line of a watch.
 * @throws SourceError of class `data` when it is no event at all
 */
export function readWatchEvent(line: string): WatchEvent {
  const event = parse(line);
  if (!isRecord(event) || typeof event["type"] !== "string") {
    throw new SourceError("data", "a line of the watch of endpointslices is no event");
  }
  const { object } = event;
  const metadata = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"] : {};
  const { resourceVersion, annotations } = metadata;
  const revision =
    typeof resourceVersion === "string" && resourceVersion !== "" ? resourceVersion : undefined;
  switch (event["type"]) {
    case "ADDED":
    case "MODIFIED":
      return { type: "put", object, revision };
    case "DELETED":
      return { type: "delete", object, revision };
    case "BOOKMARK":
      return {
        type: "bookmark",
        revision,
        isInitialEnd: isRecord(annotations) && annotations["k8s.io/initial-events-end"] === "true",
      };
    case "ERROR":
      return { type: "error", object };
    default:
      return { type: "other" };
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
