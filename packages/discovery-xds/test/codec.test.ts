import { expect, it, vi } from "vitest";

import type { Messages } from "../src/messages.ts";

it("codecs are made ready one by one, each once, with all that stands in their messages", async () => {
  // None is ready in a module that nobody used.
  vi.resetModules();
  const { prepareCodecs } = await import("../src/codec.ts");
  /** @returns in how many pieces it was done */
  const pieces = (...names: readonly (keyof Messages)[]): number => [...prepareCodecs(names)].length;
  // Itself, Node, Struct, Value, ListValue, Locality and Status: those that contain themselves come to an end.
  expect(pieces("DiscoveryRequest")).toBe(7);
  expect(pieces("DiscoveryRequest")).toBe(0);
  expect(pieces("DeltaDiscoveryRequest", "DiscoveryRequest")).toBe(1);
});
