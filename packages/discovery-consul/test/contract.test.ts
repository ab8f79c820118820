import { sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { consul } from "../src/index.ts";
import type { ConsulOptions } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";

const shapes: readonly (readonly [string, Partial<ConsulOptions>])[] = [
  ["one datacenter", {}],
  ["a datacenter and a peer", { datacenter: "dc1", peer: "east" }],
];

describe.each(shapes)("the contract of a source over %s", { timeout: 30_000 }, (_, options) => {
  const cases = sourceContract(
    async () => {
      let fake = await FakeConsul.start();
      const { port, services } = fake;
      const source = consul({ url: fake.url, ...options });
      return {
        source,
        put: (service, endpoints) => {
          services.set(
            service,
            endpoints.map(({ id, host, port: number }) =>
              entry(id, { service: { Address: host, Port: number } }),
            ),
          );
          fake.touch();
        },
        remove: (service, id) => {
          const left = services.get(service)?.filter((each) => !JSON.stringify(each).includes(`"${id}"`));
          services.set(service, left ?? []);
          fake.touch();
        },
        putMalformed: (service) => {
          services.set(service, [...(services.get(service) ?? []), { Node: 7 }]);
          fake.touch();
        },
        putOnlyMalformed: (service) => {
          services.set(service, [{ Node: 7 }, {}]);
          fake.touch();
        },
        touch: () => {
          fake.touch();
        },
        breakConnection: () => fake.close(),
        restore: async () => {
          fake = await FakeConsul.start(port, services);
        },
        close: () => fake.close().catch(() => undefined),
      };
      // How silence is noticed is tested on a real agent.
    },
    { with: ["putOnlyMalformed", "touch", "many"] },
  );
  // Where one part is back and another is not yet, the list is right and stale at once.
  const isMerged = options.peer !== undefined;
  const kept = cases.filter(({ name }) => !isMerged || !name.startsWith("keeps the last good list"));
  it.each(kept)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
