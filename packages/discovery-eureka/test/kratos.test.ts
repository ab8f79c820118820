import { describe, expect, it } from "vitest";

import type { EurekaServer } from "../../../test/eureka/server.ts";
import { eureka } from "../src/index.ts";
import type { EurekaOptions } from "../src/index.ts";
import { ask, startServer } from "./support/instances.ts";
import { watchIds } from "./support/watch-ids.ts";

const timeout = 20_000;

/** What go-kratos sends for one door of a service, byte for byte; its metadata may say more, or another door's URL. */
function body(url: string, { more = "", said = url, page = url } = {}): string {
  const [, ip = "", port = ""] = /\/\/(.*):(\d+)$/.exec(url) ?? [];
  return (
    `{"instance":{"instanceId":"${ip}:ORDERS:${port}","hostName":"ORDERS","port":{"$":${port},"@enabled":"true"},"app":"ORDERS",` +
    `"ipAddr":"${ip}","vipAddress":"ORDERS","status":"UP","securePort":{"$":443,"@enabled":"false"},"homePageUrl":"${page}/",` +
    `"statusPageUrl":"${page}/info","healthCheckUrl":"${page}/health","dataCenterInfo":{"name":"MyOwn",` +
    `"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"},"metadata":{"Endpoints":"${said}","ID":"0a7c-host",` +
    `"Name":"orders","Version":"v1.2.0","agent":"go-eureka-client"${more}}}}`
  );
}

async function register(server: EurekaServer, ...bodies: readonly string[]): Promise<void> {
  for (const each of bodies) {
    // eslint-disable-next-line no-await-in-loop -- in their order
    const { status } = await ask(server, "POST", "/apps/ORDERS", JSON.parse(each));
    expect(status).toBe(204);
  }
}

/** What a service is that was registered so. */
async function read(bodies: readonly string[], options: Partial<EurekaOptions> = {}) {
  const server = await startServer();
  await register(server, ...bodies);
  const watched = watchIds(eureka({ url: server.url, ...options }), "orders");
  await watched.until("an answer", () => watched.log.length > 0);
  const { last } = watched;
  const endpoints = last?.endpoints ?? [];
  const doors = endpoints.map(({ scheme, host, port, version }) => `${scheme} ${host} ${port} ${version}`);
  return { doors: doors.toSorted(), endpoints, last, errors: watched.errors };
}

describe("a service of Kratos", { timeout }, () => {
  const doors = ["grpc://10.0.0.7:9000", "http://10.0.0.7:8000", "https://10.0.0.7:8443"];

  it("is at its HTTP doors, each with its scheme and version; the others are no mistake", async () => {
    const { doors: found, endpoints, last } = await read(doors.map((url) => body(url)));
    expect(found).toEqual(["http 10.0.0.7 8000 v1.2.0", "https 10.0.0.7 8443 v1.2.0"]);
    expect(last).not.toHaveProperty("skipped");
    // The host name is the application's, which is in nobody's certificate.
    for (const endpoint of endpoints) expect(endpoint).not.toHaveProperty("serverName");
  });

  it("is so where its doors share their metadata, with the URL of the last", async () => {
    const shared = { more: ',"region":"eu"', said: "grpc://10.0.0.7:9000" };
    const { doors: found, last } = await read(doors.map((url) => body(url, shared)));
    expect(found).toEqual(["http 10.0.0.7 8000 v1.2.0", "https 10.0.0.7 8443 v1.2.0"]);
    expect(last).not.toHaveProperty("skipped");
  });

  it("has no endpoints and no mistakes where it speaks gRPC alone", async () => {
    const { last, endpoints, errors } = await read([body("grpc://10.0.0.7:9000")]);
    expect([last?.kind, endpoints, errors]).toEqual(["bound", [], []]);
  });

  it("has its doors as `secure` wants them", async () => {
    const bodies = doors.map((url) => body(url));
    expect((await read(bodies, { secure: "always" })).doors).toEqual(["https 10.0.0.7 8443 v1.2.0"]);
    expect((await read(bodies, { secure: "never" })).doors).toEqual(["http 10.0.0.7 8000 v1.2.0"]);
  });

  it("is where its addresses are, whatever name is preferred; with usual ports and IPv6 too", async () => {
    const { doors: found } = await read(
      [body("http://10.0.0.8:80"), body("https://[fd00::1]:443"), body("http://orders-1.internal:8000")],
      { preferIp: false },
    );
    expect(found).toEqual([
      "http 10.0.0.8 80 v1.2.0",
      "http orders-1.internal 8000 v1.2.0",
      "https fd00::1 443 v1.2.0",
    ]);
  });

  it("is read as everybody's where no URL is of its port", async () => {
    const hidden = { said: "grpc://10.0.0.7:9000", page: "https://pages.example" };
    expect((await read([body("http://10.0.0.7:8000", hidden)])).doors).toEqual(["http 10.0.0.7 8000 v1.2.0"]);
  });
});
