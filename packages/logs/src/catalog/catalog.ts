import type { MeshEventType } from "@proxyless/core";

import { callEntries } from "./calls.ts";
import { discoveryEntries } from "./discovery.ts";
import { endpointEntries } from "./endpoints.ts";
import type { Entries } from "./entry.ts";
import { policyEntries } from "./policies.ts";
import { registrationEntries } from "./registration.ts";

/** What the log knows of every type of event. A new type does not compile until it is here. */
export const catalog: Entries<MeshEventType> = {
  ...callEntries,
  ...policyEntries,
  ...endpointEntries,
  ...discoveryEntries,
  ...registrationEntries,
};

/** Every type of event. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys are exactly the types, as declared above
export const eventTypes = Object.keys(catalog) as readonly MeshEventType[];
