import { createMesh, memorySource } from "@proxyless/core";
import type { Registrar } from "@proxyless/core/discovery";
import { consulRegistrar } from "@proxyless/discovery-consul";
import { etcdRegistrar } from "@proxyless/discovery-etcd";
import { eurekaRegistrar } from "@proxyless/discovery-eureka";
import { nacosRegistrar } from "@proxyless/discovery-nacos";
import { expect, it } from "vitest";

import { Overheard } from "./support/overheard.ts";
import { parrot } from "./support/parrot.ts";
import { Planted } from "./support/planted.ts";

type Make = (url: string, planted: Planted) => Registrar;

const makers: Readonly<Record<string, Make>> = {
  consul: (url, planted) => consulRegistrar({ url, token: planted.at("Consul's token") }),
  etcd: (url, planted) => etcdRegistrar({ url, username: "mesh", password: planted.at("etcd's password") }),
  eureka: (url, planted) => eurekaRegistrar({ url, user: "mesh", password: planted.at("Eureka's password") }),
  nacos: (url, planted) => nacosRegistrar({ url, username: "mesh", password: planted.at("Nacos' password") }),
};
const registrars = Object.keys(makers).flatMap((name) =>
  [403, 500, 200].map((status) => [name, status] as const),
);

it.for(registrars)(
  "a registrar's credential does not come out, though %s says it back with status %i",
  async ([name, status]) => {
    const planted = new Planted();
    const overheard = new Overheard(planted);
    const heard: string[] = [];
    const registrar = makers[name]!(await parrot(status, heard), planted);
    const mesh = overheard.listenTo(createMesh({ discovery: memorySource({}), registrar }));
    const registering = mesh.register({ service: "orders", host: "10.0.0.1", port: 80, startTimeoutMs: 500 });
    await registering.then(
      (instance) => instance.leave({ propagationMs: 0 }),
      (error: unknown) => {
        planted.value("errors", error);
      },
    );
    await overheard.end();
    expect(heard.length).toBeGreaterThan(0);
    expect(planted.leaks).toEqual([]);
  },
);
