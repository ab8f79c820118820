import type { IncomingHttpHeaders } from "node:http";

import { SourceError } from "@proxyless/core/discovery";

import type { Answer } from "./answers.ts";
import type { DecodedEntries } from "./health-entry.ts";
import type { Settings } from "./options.ts";
import { ageOf } from "./trust.ts";

/**
 * What the entries of an answer with status 200 mean. An empty list means that there is no such service, because Consul forgets a service
 * with its last instance; where a filter or tag narrows the question it means no more than that nothing was found.
 * `explicitRemovals` stays unset: an instance that left and one that was lost look the same, except that whoever leaves
 * through maintenance was seen as `draining` before, and that the directory knows by itself.
 * @throws SourceError of class `data` for a list without one usable entry
 */
export function healthAnswer(
  service: string,
  { endpoints, ignored, nodes, skipped }: DecodedEntries,
  headers: IncomingHttpHeaders,
  settings: Settings,
): Answer {
  if (endpoints.length === 0 && skipped > 0) {
    throw new SourceError(
      "data",
      `service ${service}: none of ${skipped} entries has an identity and an address`,
    );
  }
  const isNarrow = settings.filter !== undefined || settings.tags.length > 0;
  const revision = headers["x-consul-index"];
  return {
    snapshot: {
      kind: endpoints.length === 0 && ignored === 0 && !isNarrow ? "absent" : "bound",
      endpoints,
      trust: "authoritative",
      ageMs: ageOf(headers),
      ...(typeof revision === "string" ? { revision } : {}),
      ...(skipped === 0 ? {} : { skipped }),
    },
    nodes,
  };
}
