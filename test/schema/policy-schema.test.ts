import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { createMesh, memorySource, policySchema, presets } from "@proxyless/core";
import type { PolicyDocument } from "@proxyless/core";
import { describe, expect, it } from "vitest";

const file = createRequire(import.meta.url).resolve("@proxyless/core/policy.schema.json");

describe("the schema that the package ships", () => {
  it("is the same as an import and as a file", () => {
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(policySchema);
    expect(policySchema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      required: ["version", "services"],
      $defs: { service: { type: "object" }, route: { required: ["match"] } },
    });
  });

  it("refers to nothing that is not there", () => {
    const targets = [...JSON.stringify(policySchema).matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(targets.length).toBeGreaterThan(20);
    expect(Object.keys(policySchema["$defs"] ?? {})).toEqual(expect.arrayContaining(targets));
  });

  it("has patterns that every validator can read", () => {
    const patterns = [...readFileSync(file, "utf8").matchAll(/"pattern": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, text = ""]) => String(JSON.parse(text)),
    );
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) expect(() => new RegExp(pattern, "u")).not.toThrow();
  });

  it("describes documents that a mesh takes, presets as they are included", async () => {
    const mesh = createMesh({ discovery: memorySource({ orders: [] }) });
    const documents = Object.entries(presets).map(([name, orders]): PolicyDocument => ({
      version: name,
      services: { orders },
    }));
    for (const document of documents) {
      expect(mesh.configure(JSON.parse(JSON.stringify({ $schema: file, ...document })))).toEqual(["orders"]);
    }
    await mesh.close();
  });
});
