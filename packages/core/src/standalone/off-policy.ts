import { policyOf } from "./pipeline.ts";
import type { Policy } from "./policy.ts";

/** A policy that is off: in a composition it is not there. */
export const offPolicy: Policy = policyOf<never, Pick<Policy, "inspect">>([], { inspect: () => [] });
