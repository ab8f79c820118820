import { codecs, etcd, etcdRegistrar } from "@proxyless/discovery-etcd";
import type { EtcdCodec } from "@proxyless/discovery-etcd";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";

let member: EtcdMember;

beforeAll(async () => {
  member = await startEtcd();
}, 120_000);

afterAll(() => member.stop());

/** What a program of each framework leaves in etcd for two instances of `orders`: the very keys and bytes. */
const written: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>> = {
  grpcNaming: [
    ["orders-grpc/10.0.0.1:80", '{"Op":0,"Addr":"10.0.0.1:80","Metadata":null}'],
    ["orders-grpc/10.0.0.2:80", '{"Op":0,"Addr":"10.0.0.2:80","Metadata":{"zone":"b"}}'],
  ],
  kratos: [
    [
      "/microservices/orders/3f0b6a1c",
      '{"id":"3f0b6a1c","name":"orders","version":"v1","metadata":null,"endpoints":["http://10.0.0.1:80?isSecure=false","grpc://10.0.0.1:90?isSecure=false"]}',
    ],
    [
      "/microservices/orders/77d0a2e4",
      '{"id":"77d0a2e4","name":"orders","version":"v1","metadata":{"zone":"b"},"endpoints":["grpc://10.0.0.2:90?isSecure=false","http://10.0.0.2:80?isSecure=false"]}',
    ],
    // A service whose name begins alike.
    [
      "/microservices/orders-v2/55",
      '{"id":"55","name":"orders-v2","version":"","metadata":null,"endpoints":["http://10.0.0.9:80?isSecure=false"]}',
    ],
  ],
  goMicro: [
    [
      "/micro/registry/orders/orders-1",
      '{"name":"orders","version":"latest","metadata":null,"endpoints":[{"name":"Orders.Get","request":{"name":"","type":"","values":null},"response":{"name":"","type":"","values":null},"metadata":{}}],"nodes":[{"id":"orders-1","address":"10.0.0.1:80","metadata":{"protocol":"http"}}]}',
    ],
    [
      "/micro/registry/orders/orders-2",
      '{"name":"orders","version":"latest","metadata":null,"endpoints":[],"nodes":[{"id":"orders-2","address":"10.0.0.2:80","metadata":{"protocol":"http","zone":"b"}}]}',
    ],
  ],
  goZero: [
    ["orders.rpc/7587882069498427140", "10.0.0.1:80"],
    ["orders.rpc/7587882069498427146", "10.0.0.2:80"],
  ],
  kitex: [
    [
      "kitex/registry-etcd/orders/10.0.0.1:80",
      '{"network":"tcp","address":"10.0.0.1:80","weight":10,"tags":{}}',
    ],
    [
      "kitex/registry-etcd/orders/10.0.0.2:80",
      '{"network":"tcp","address":"10.0.0.2:80","weight":10,"tags":{"zone":"b"}}',
    ],
  ],
  hertz: [
    [
      "hertz/registry-etcd/orders/10.0.0.1:80",
      '{"network":"tcp","address":"10.0.0.1:80","weight":10,"tags":null}',
    ],
    [
      "hertz/registry-etcd/orders/10.0.0.2:80",
      '{"network":"tcp","address":"10.0.0.2:80","weight":10,"tags":{"zone":"b"}}',
    ],
  ],
  plain: [
    ["orders-plain/a", '{"host":"10.0.0.1","port":80}'],
    ["orders-plain/b", '{"address":"10.0.0.2:80","zone":"b"}'],
  ],
};
const serviceOf: Readonly<Record<string, string>> = {
  grpcNaming: "orders-grpc",
  goZero: "orders.rpc",
  plain: "orders-plain",
};
const both = ["10.0.0.1:80 healthy", "10.0.0.2:80 healthy"];

describe.each(Object.values(codecs).filter(({ name }) => name !== "auto"))(
  "entries of $name in a real etcd",
  { timeout: 30_000 },
  (codec: EtcdCodec) => {
    const service = serviceOf[codec.name] ?? "orders";

    it("are read, by the codec where it looks by itself, and by auto where it is told to", async () => {
      for (const [key, value] of written[codec.name] ?? []) {
        // eslint-disable-next-line no-await-in-loop -- a handful
        await member.put(key, value);
      }
      const own = watching(etcd({ url: member.url, codec }), service);
      const any = watching(etcd({ url: member.url, prefix: codec.base }), service);
      await own.untilStates(both);
      await any.untilStates(both);
      expect(own.snapshots.at(-1)).toEqual(any.snapshots.at(-1));
      const zones = own.snapshots.at(-1)?.endpoints.map(({ locality }) => locality?.zone) ?? [];
      // go-zero has no room for one.
      expect(zones.filter(Boolean)).toEqual(codec === codecs.goZero ? [] : ["b"]);
    });

    it("are written where and as its readers look for them", async () => {
      const name = `shop-${codec.name}`;
      const handle = await etcdRegistrar({ url: member.url, codec }).register({
        service: name,
        id: "one",
        host: "10.0.0.7",
        port: 80,
        weight: 2,
        metadata: { rack: "7" },
      });
      onTestFinished(() => handle.deregister({ propagationMs: 0 }));
      const list = [...(await member.list(`${codec.base}${name}/`))];
      expect(list).toEqual([expectedOf(codec, name)]);
      const key = list[0]?.[0] ?? "";
      expect(await member.leaseOf(key)).toBeDefined();
    });
  },
);

/** What the frameworks' own readers understand, word for word. */
function expectedOf({ name, base }: EtcdCodec, service: string): readonly [string, string] {
  const address = "10.0.0.7:80";
  const leaf = `${base}${service}`;
  switch (name) {
    case "grpcNaming":
      return [`${leaf}/one`, `{"Op":0,"Addr":"${address}","Metadata":{"rack":"7","weight":"2"}}`];
    case "kratos":
      return [
        `${leaf}/one`,
        `{"id":"one","name":"${service}","version":"","metadata":{"rack":"7","weight":"200"},"endpoints":["http://${address}?isSecure=false"]}`,
      ];
    case "goMicro":
      return [
        `${leaf}/one`,
        `{"name":"${service}","version":"","metadata":null,"endpoints":[],"nodes":[{"id":"one","address":"${address}","metadata":{"rack":"7","weight":"2"}}]}`,
      ];
    case "goZero":
      return [`${leaf}/534006661985340345`, address];
    case "kitex":
    case "hertz":
      return [
        `${leaf}/${address}`,
        `{"network":"tcp","address":"${address}","weight":20,"tags":{"rack":"7"}}`,
      ];
    default:
      return [
        `${leaf}/one`,
        '{"host":"10.0.0.7","port":80,"scheme":"http","weight":2,"health":"healthy","metadata":{"rack":"7"}}',
      ];
  }
}

describe("point 24, what every framework writes: a real etcd", { timeout: 30_000 }, () => {
  it("takes a codec of one's own, both ways", async () => {
    const pipes: EtcdCodec = {
      name: "pipes",
      base: "/own/",
      decode: (key, value) => {
        const [host = "", port = ""] = Buffer.from(value).toString().split("|");
        if (port === "") return "skip";
        return [
          { id: key, host, port: Number(port), weight: 1, priority: 0, health: "healthy", metadata: {} },
        ];
      },
      encode: ({ id, host, port }) => ({ key: id, value: `${host}|${port}` }),
    };
    const handle = await etcdRegistrar({ url: member.url, codec: pipes }).register({
      service: "web",
      id: "one",
      host: "10.0.0.1",
      port: 80,
    });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    expect(await member.list("/own/")).toEqual(new Map([["/own/web/one", "10.0.0.1|80"]]));
    await watching(etcd({ url: member.url, codec: pipes }), "web").untilStates(["10.0.0.1:80 healthy"]);
  });

  it("with keys of any bytes beside good ones costs nobody", async () => {
    await member.put(Buffer.from([...Buffer.from("bytes/"), 0xff, 0xfe, 0]), Buffer.from([0xc3, 0x28]));
    await member.put("bytes/a", "10.0.0.1:80");
    await member.put("bytes/empty", "");
    const web = watching(etcd({ url: member.url }), "bytes");
    await web.untilStates(["10.0.0.1:80 healthy"]);
    expect(web.snapshots.at(-1)?.skipped).toBe(2);
    expect(etcd({ url: member.url }).key({ service: "bytes" })).toMatch(/^etcd:[0-9a-f]{16}:bytes$/);
  });
});
