import { sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { consul } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";

describe("the contract of a source", { timeout: 30_000 }, () => {
  const cases = sourceContract(async () => {
    let fake = await FakeConsul.start();
    const { port, services } = fake;
    const source = consul({ url: fake.url });
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
      breakConnection: () => fake.close(),
      restore: async () => {
        fake = await FakeConsul.start(port, services);
      },
      close: () => fake.close().catch(() => undefined),
    };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
