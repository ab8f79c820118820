import type { Endpoint, Mesh } from "@proxyless/core";
import { fakeEndpoint } from "@proxyless/core/testing";
import { vi } from "vitest";

/** `count` names: `e0`, `e1`… */
export const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `e${i}`);

/** Endpoints of these names. */
export const at = (...names: readonly string[]): readonly Endpoint[] => names.map((id) => fakeEndpoint(id));

/** What a mesh serves of a service, by id. */
export function served(mesh: Mesh): string {
  return (mesh.inspect().discovery[0]?.endpoints ?? []).map(({ id }) => id).join(" ");
}

export function until(test: () => boolean): Promise<boolean> {
  return vi.waitUntil(test, { timeout: 10_000, interval: 5 });
}
