import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ProxylessError } from "@proxyless/core";
import { describe, expect, it, onTestFinished } from "vitest";

import { findBootstrap } from "../src/bootstrap.ts";
import { nodeMessage } from "../src/node-identity.ts";
import { resolveOptions } from "../src/options.ts";

const minimal = {
  xds_servers: [{ server_uri: "istiod:15010", channel_creds: [{ type: "insecure" }] }],
  node: { id: "shop-1" },
};

/** A bootstrap as istio-agent writes it. */
const istio = {
  xds_servers: [
    {
      server_uri: "unix:///etc/istio/proxy/XDS",
      channel_creds: [{ type: "insecure" }],
      server_features: ["xds_v3"],
    },
  ],
  node: {
    id: "sidecar~10.4.0.7~shop-1.default~default.svc.cluster.local",
    metadata: { GENERATOR: "grpc", LABELS: { app: "shop" }, PILOT_SAN: ["istiod"], N: 1.5, T: true, X: null },
    locality: { region: "eu", zone: "eu-1", sub_zone: "" },
    UserAgentVersionType: null,
  },
  certificate_providers: {
    default: {
      plugin_name: "file_watcher",
      config: {
        certificate_file: "/var/lib/istio/data/cert-chain.pem",
        private_key_file: "/var/lib/istio/data/key.pem",
        ca_certificate_file: "/var/lib/istio/data/root-cert.pem",
        refresh_interval: "900s",
      },
    },
    other: { plugin_name: "meshca" },
  },
  server_listener_resource_name_template: "xds.istio.io/grpc/lds/inbound/%s",
};

function file(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "proxyless-xds-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, "bootstrap.json");
  writeFileSync(path, content);
  return path;
}

/** The field and the message of the refusal. */
function fieldOf(options: object, environment: Record<string, string> = {}): string {
  try {
    resolveOptions(options, environment);
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") {
      return `${error.field}: ${error.message}`;
    }
    throw error;
  }
  throw new Error("it was accepted");
}

function withServer(server: object): object {
  return { bootstrap: { ...minimal, xds_servers: [server] } };
}

describe("the bootstrap", () => {
  it("is what is given, else a file, else what the environment names, else what it holds", () => {
    const path = file(JSON.stringify({ ...minimal, node: { id: "from-file" } }));
    const environment = {
      GRPC_XDS_BOOTSTRAP: path,
      GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify({ ...minimal, node: { id: "inline" } }),
    };
    expect(findBootstrap({ bootstrap: minimal }, environment).node.id).toBe("shop-1");
    expect(findBootstrap({ bootstrapFile: path }, {}).node.id).toBe("from-file");
    expect(findBootstrap({}, environment).node.id).toBe("from-file");
    expect(findBootstrap({}, { ...environment, GRPC_XDS_BOOTSTRAP: "" }).node.id).toBe("inline");
    expect(fieldOf({})).toMatch(/^bootstrap: .*GRPC_XDS_BOOTSTRAP/);
  });

  it("of istio-agent is understood, and what is not known in it passed over", () => {
    const read = findBootstrap({}, { GRPC_XDS_BOOTSTRAP: file(JSON.stringify(istio)) });
    expect(read.servers).toMatchObject([
      { target: "unix:///etc/istio/proxy/XDS", security: { type: "insecure" } },
    ]);
    expect(read.node.locality).toEqual({ region: "eu", zone: "eu-1" });
    expect([...read.certificateProviders]).toEqual([
      [
        "default",
        {
          caFile: "/var/lib/istio/data/root-cert.pem",
          certificateFile: "/var/lib/istio/data/cert-chain.pem",
          keyFile: "/var/lib/istio/data/key.pem",
          refreshMs: 900_000,
        },
      ],
    ]);
  });

  it("says who asks, metadata as protobuf has it", () => {
    const node = nodeMessage(findBootstrap({ bootstrap: istio }, {}).node);
    expect(node).toMatchObject({ id: istio.node.id, locality: { region: "eu", zone: "eu-1" } });
    expect(node.metadata?.fields).toEqual({
      GENERATOR: { stringValue: "grpc" },
      LABELS: { structValue: { fields: { app: { stringValue: "shop" } } } },
      PILOT_SAN: { listValue: { values: [{ stringValue: "istiod" }] } },
      N: { numberValue: 1.5 },
      T: { boolValue: true },
      X: { nullValue: 0 },
    });
  });

  it.each([
    ["istiod:15010", "dns:///istiod:15010"],
    ["10.0.0.1:15010", "dns:///10.0.0.1:15010"],
    ["[::1]:15010", "dns:///[::1]:15010"],
    ["dns:///istiod.istio-system.svc:15010", "dns:///istiod.istio-system.svc:15010"],
    ["unix:/run/xds.sock", "unix:/run/xds.sock"],
    ["ipv4:127.0.0.1:1", "ipv4:127.0.0.1:1"],
  ])("takes the server %s", (uri, target) => {
    const server = { server_uri: uri, channel_creds: [{ type: "insecure" }] };
    expect(findBootstrap(withServer(server), {}).servers[0].target).toBe(target);
  });

  it.each(["http://istiod:15010", "https://istiod", "istiod", "istiod:port", "dns:", ""])(
    "refuses the server %j",
    (uri) => {
      expect(fieldOf(withServer({ server_uri: uri, channel_creds: [{ type: "insecure" }] }))).toMatch(
        /^bootstrap\.xds_servers\[0\]\.server_uri: /,
      );
    },
  );

  it("takes the first credentials that it knows", () => {
    const creds = [{ type: "google_default" }, { type: "tls", config: { ca_certificate_file: "/ca.pem" } }];
    const read = findBootstrap(withServer({ server_uri: "a:1", channel_creds: creds }), {});
    expect(read.servers[0].security).toEqual({
      type: "tls",
      files: { caFile: "/ca.pem", certificateFile: undefined, keyFile: undefined, refreshMs: 600_000 },
    });
  });

  it("knows the features of a server that change what is done", () => {
    const server_features = ["xds_v3", "ignore_resource_deletion", "resource_timer_is_transient_error"];
    const server = { server_uri: "a:1", channel_creds: [{ type: "insecure" }], server_features };
    expect(findBootstrap(withServer(server), {}).servers[0]).toMatchObject({
      ignoresDeletion: true,
      timerIsTransient: true,
    });
  });

  it.each([
    ["google_default, and says why", [{ type: "google_default" }], /google_default needs Google's own/],
    ["what it does not know", [{ type: "alts" }], /insecure or tls, got "alts"/],
    ["none", [], /insecure or tls/],
    ["half a certificate", [{ type: "tls", config: { certificate_file: "/c.pem" } }], /private_key_file/],
    ["a strange interval", [{ type: "tls", config: { refresh_interval: "10m" } }], /refresh_interval/],
  ])("refuses credentials: %s", (_, channel_creds, message) => {
    expect(fieldOf(withServer({ server_uri: "a:1", channel_creds }))).toMatch(message);
  });

  it.each([
    ["no servers", { bootstrap: { ...minimal, xds_servers: [] } }, /^bootstrap\.xds_servers: /],
    ["no node", { bootstrap: { xds_servers: minimal.xds_servers } }, /^bootstrap\.node: /],
    ["no id", { bootstrap: { ...minimal, node: { id: "" } } }, /^bootstrap\.node\.id: /],
    ["two bootstraps", { bootstrap: minimal, bootstrapFile: "/x" }, /^bootstrapFile: /],
    ["no file", { bootstrapFile: "/nowhere/at/all.json" }, /^bootstrapFile: .*\/nowhere\/at\/all\.json/],
    ["a misspelt option", { bootstrap: minimal, protcol: "delta" }, /^protcol: /],
    ["a strange variant", { bootstrap: minimal, protocol: "rest" }, /^protocol: .*sotw, delta/],
    [
      "a template without the service",
      { bootstrap: minimal, clusterName: "outbound|80||x" },
      /^clusterName: /,
    ],
    ["a timer out of range", { bootstrap: minimal, doesNotExistMs: 1 }, /^doesNotExistMs: .*100 to 600000/],
    [
      "an unknown provider",
      { bootstrap: istio, certificateProvider: "other" },
      /file_watcher among .*\(default\)/,
    ],
    [
      "a provider without TLS",
      { bootstrap: istio, certificateProvider: "default" },
      /insecure channel_creds/,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(fieldOf(options)).toMatch(message);
  });

  it("never shows what stands in a file that is no JSON", () => {
    expect(fieldOf({ bootstrapFile: file("secret-token {") })).not.toContain("secret-token");
  });
});

describe("the name of a cluster", () => {
  it("is the service's, or made by a template or a function", () => {
    const nameOf = (clusterName?: string | ((service: string) => string)): string =>
      resolveOptions(
        { bootstrap: minimal, ...(clusterName === undefined ? {} : { clusterName }) },
        {},
      ).clusterName("orders");
    expect(nameOf()).toBe("orders");
    expect(nameOf("outbound|80||{service}.shop.svc.cluster.local")).toBe(
      "outbound|80||orders.shop.svc.cluster.local",
    );
    expect(nameOf((service) => `${service}-v2`)).toBe("orders-v2");
    expect(() => nameOf(() => "")).toThrow(/clusterName\("orders"\)/);
  });
});
