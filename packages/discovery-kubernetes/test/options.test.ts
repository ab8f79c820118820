import { ProxylessError } from "@proxyless/core";
import { expect, it } from "vitest";

import { kubernetes } from "../src/index.ts";
import type { KubernetesOptions } from "../src/index.ts";
import { resolveOptions } from "../src/options.ts";

const url = "https://127.0.0.1:6443";

function refused(options: object, env: NodeJS.ProcessEnv = {}): string {
  try {
    resolveOptions({ url, ...options }, env);
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") return error.message;
    throw error;
  }
  return "taken";
}

it("has the defaults of its docs", () => {
  expect(resolveOptions({ url }, {})).toMatchObject({
    cluster: { namespace: "default", token: {} },
    port: undefined,
    family: "prefer-ipv4",
    managedBy: [],
    zone: undefined,
    hints: true,
    maxServiceWatches: 20,
    watchList: "auto",
    pageSize: 500,
    watchMs: 290_000,
    silenceMs: 120_000,
    requestTimeoutMs: 10_000,
    maxBodyBytes: 33_554_432,
    emptyHoldMs: 15_000,
  });
  expect(kubernetes({ url }).emptyHoldMs).toBe(15_000);
});

it("takes zone and node from the environment where no option says them", () => {
  const env = { PROXYLESS_ZONE: "eu-1a", NODE_NAME: "node-1" };
  expect(resolveOptions({ url }, env)).toMatchObject({ zone: "eu-1a", nodeName: "node-1" });
  expect(resolveOptions({ url, zone: "eu-1b", nodeName: "n" }, env)).toMatchObject({
    zone: "eu-1b",
    nodeName: "n",
  });
  expect(resolveOptions({ url }, { PROXYLESS_ZONE: "" }).zone).toBeUndefined();
});

it.each<[object, string]>([
  [{ nameSpace: "a" }, "nameSpace must be absent"],
  [{ url: "ftp://a" }, "url must be"],
  [{ url: "https://me:pw@a" }, "url must be"],
  [{ namespace: "Shop" }, 'namespace must be the name of a namespace, got "Shop"'],
  [{ port: 0 }, "port must be the name of a port or a whole number from 1 to 65535, got 0"],
  [{ port: "8080" }, 'port must be the name of a port or a whole number from 1 to 65535, got "8080"'],
  [{ port: { web: 70_000 } }, "port.web must be"],
  [{ family: "ipv5" }, "family must be one of prefer-ipv4"],
  [{ managedBy: ["a b"] }, "managedBy must be"],
  [{ managedBy: "a),x in (b" }, "managedBy must be"],
  [{ hints: "yes" }, 'hints must be true or false, got "yes"'],
  [{ maxServiceWatches: -1 }, "maxServiceWatches must be a whole number from 0 to 10000"],
  [{ watchList: "always" }, "watchList must be one of auto, never"],
  [{ pageSize: 0 }, "pageSize must be a whole number from 1 to 10000"],
  [{ watchMs: 1000 }, "watchMs must be a whole number from 10000 to 3600000"],
  [{ silenceMs: 1 }, "silenceMs must be a whole number from 1000 to 3600000"],
  [{ requestTimeoutMs: 1 }, "requestTimeoutMs must be a whole number from 100 to 600000"],
  [{ emptyHoldMs: -1 }, "emptyHoldMs must be a whole number from 0 to 86400000"],
  [{ token: "a b" }, "token must be printable ASCII without spaces"],
  [{ token: "a", tokenFile: "/b" }, "tokenFile must be absent when token is given"],
  [{ kubeconfig: "/a" }, "kubeconfig must be absent when url is given"],
  [{ context: "a" }, "context must be absent when url is given"],
  [{ serviceAccountFolder: "/a" }, "serviceAccountFolder must be absent when url is given"],
  [{ url: undefined, token: "secret-word" }, "token must be absent without url"],
  [{ tls: { ca: "no pem" } }, "tls.ca must be PEM text"],
  [{ url: "http://127.0.0.1:8001", tls: {} }, "url must be https:// when tls is given"],
])("refuses %j", (options, expected) => {
  expect(refused(options)).toContain(expected);
  expect(refused(options)).not.toContain("secret-word");
});

it("refuses to guess where there is neither a pod nor a kubeconfig", () => {
  expect(refused({ url: undefined }, { KUBECONFIG: "/nowhere/config" })).toContain("/nowhere/config");
});

it("refuses a pod without its authority", () => {
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "443" };
  expect(refused({ url: undefined, serviceAccountFolder: "/nowhere" }, env)).toContain("/nowhere/ca.crt");
});

it("gives one key to one question, whatever it is spelled like, and another to every other", () => {
  const key = (options: KubernetesOptions, service: string): string =>
    kubernetes({ url, ...options }).key({ service });
  const plain = key({}, "orders");
  expect(key({}, "orders.default")).toBe(plain);
  expect(key({}, "orders.default.svc.cluster.local")).toBe(plain);
  const others = [
    key({}, "orders.shop"),
    key({ namespace: "shop" }, "orders"),
    key({ port: "http" }, "orders"),
    key({ port: { orders: 80 } }, "orders"),
    key({ family: "ipv6" }, "orders"),
    key({ managedBy: "me" }, "orders"),
    key({ zone: "a" }, "orders"),
    key({ hints: false }, "orders"),
    key({ token: "one" }, "orders"),
    key({ tokenFile: "/run/one" }, "orders"),
    key({ url: "https://127.0.0.2:6443" }, "orders"),
    key({}, "Orders!"),
  ];
  expect(key({ token: "another" }, "orders")).toBe(key({ token: "one" }, "orders"));
  // The namespace is part of the name.
  expect(new Set([plain, ...others]).size).toBe(others.length);
});
