import { policyJsonSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * The JSON Schema (draft 2020-12) of what `mesh.configure` takes, and under `$defs` of a service's policy and a route's; the file
 * `@proxyless/core/policy.schema.json` is the same. Beside standard keywords it has `x-order`, pairs of fields of which the first is
 * not above the second; `x-alone`, a schema that holds besides where nothing is inherited; and `x-check`, what else is checked, in
 * words.
 */
export const policySchema: JsonSchema = policyJsonSchema();
