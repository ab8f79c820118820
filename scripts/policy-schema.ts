// Writes packages/core/policy.schema.json; a test of the package says when it is stale.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { policySchema } from "../packages/core/src/policies/data/policy-schema.ts";

const path = join(import.meta.dirname, "../packages/core/policy.schema.json");
writeFileSync(path, `${JSON.stringify(policySchema, undefined, 2)}\n`);
console.log(`wrote ${path}; now run: pnpm fmt`);
