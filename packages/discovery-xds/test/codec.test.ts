import { expect, it } from "vitest";

import { prepareCodecs } from "../src/codec.ts";
import type { Messages } from "../src/messages.ts";

/** @returns in how many pieces it was done */
function pieces(...names: readonly (keyof Messages)[]): number {
  return [...prepareCodecs(names)].length;
}

it("codecs are made ready one by one, each once, with all that stands in their messages", () => {
  // Itself, Node, Struct, Value, ListValue, Locality and Status: those that contain themselves come to an end.
  expect(pieces("DiscoveryRequest")).toBe(7);
  expect(pieces("DiscoveryRequest")).toBe(0);
  expect(pieces("DeltaDiscoveryRequest", "DiscoveryRequest")).toBe(1);
});
