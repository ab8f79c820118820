import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { ProxylessError } from "@proxyless/core";
import { expect, it, onTestFinished } from "vitest";

import { inCluster } from "../src/in-cluster.ts";
import { defaultKubeconfigs, readKubeconfig } from "../src/kubeconfig.ts";

async function files(...contents: readonly string[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-kubeconfig-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = contents.map((_, i) => join(folder, `config-${i}`));
  await Promise.all(paths.map((path, i) => writeFile(path, contents[i] ?? "")));
  return paths;
}

function config(user: string, cluster = "server: https://10.0.0.1:6443", more = ""): string {
  return `
current-context: main
clusters: [{ name: c, cluster: { ${cluster} } }]
users: [{ name: u, user: { ${user} } }]
contexts: [{ name: main, context: { cluster: c, user: u, namespace: shop } }]
${more}`;
}

function problem(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

it("reads the current context", async () => {
  const cluster = readKubeconfig(await files(config("token: secret-token-1")), undefined);
  expect(cluster.urls.map(({ href }) => href)).toEqual(["https://10.0.0.1:6443/"]);
  expect(cluster).toMatchObject({
    token: { token: "secret-token-1" },
    tls: { rejectUnauthorized: true },
    namespace: "shop",
  });
});

it("reads JSON, which is YAML, and a server without TLS", async () => {
  const json = JSON.stringify({
    "current-context": "x",
    clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:8001" } }],
    contexts: [{ name: "x", context: { cluster: "c" } }],
  });
  expect(readKubeconfig(await files(json), undefined)).toMatchObject({
    tls: undefined,
    token: {},
    namespace: "default",
  });
});

it("merges several files: the first that says something counts", async () => {
  const first = `current-context: main
users: [{ name: u, user: { token: first-token-1 } }]`;
  const paths = await files(first, config("token: second-token"));
  expect(readKubeconfig(paths, undefined).token).toEqual({ token: "first-token-1" });
  expect(defaultKubeconfigs({ KUBECONFIG: ["/a", "", "/b"].join(delimiter) })).toEqual(["/a", "/b"]);
  expect(defaultKubeconfigs({})[0]).toMatch(/\.kube[/\\]config$/);
});

it("takes a token file before a token, from where the file stands", async () => {
  const [path = ""] = await files(config("token: a-token-123, tokenFile: here/token"));
  expect(readKubeconfig([path], undefined).token).toEqual({ tokenFile: join(path, "../here/token") });
});

it.each([
  ["exec: { command: aws }", /kubeconfig user u must be without a credential plugin \(exec\)/],
  ["auth-provider: { name: gcp }", /without an auth-provider/],
  ["username: me, password: secret-word-1", /without basic auth/],
  ["as: somebody", /without impersonation/],
  ['token: "two words"', /kubeconfig user u: token must be printable ASCII/],
])("refuses a way to log in that it does not know: %s", async (user, expected) => {
  const paths = await files(config(user));
  const message = problem(() => readKubeconfig(paths, undefined));
  expect(message).toMatch(expected);
  expect(message).not.toContain("secret-word-1");
  expect(message).not.toContain("two words");
});

it("refuses what contradicts itself or names nothing", async () => {
  const insecure = "server: https://a, insecure-skip-tls-verify: true, certificate-authority: ca.crt";
  const [both = "", proxy = "", none = "", noServer = ""] = await files(
    config("", insecure),
    config("", "server: https://a, proxy-url: http://proxy"),
    "clusters: []",
    config("", "name: nothing"),
  );
  expect(problem(() => readKubeconfig([both], undefined))).toContain("absent with insecure-skip-tls-verify");
  expect(problem(() => readKubeconfig([proxy], undefined))).toContain("without a proxy");
  expect(problem(() => readKubeconfig([none], undefined))).toContain("current-context");
  expect(problem(() => readKubeconfig([both], "other"))).toContain("one of main");
  expect(problem(() => readKubeconfig([noServer], undefined))).toContain("cluster c: server");
  expect(problem(() => readKubeconfig(["/nowhere/config"], undefined))).toContain("/nowhere/config");
});

it("never quotes a file that is no YAML: it may hold a secret", async () => {
  const paths = await files("token: [secret-word-1\n  : }", "secret-word-1");
  for (const path of paths) {
    const message = problem(() => readKubeconfig([path], undefined));
    expect(message).toContain("YAML");
    expect(message).not.toContain("secret-word-1");
  }
});

it("finds a pod's own API server, also at an IPv6 address, and nothing outside of a pod", () => {
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  expect(inCluster(env, "/nowhere")?.urls[0].href).toBe("https://[fd00::1]/");
  expect(inCluster(env, "/nowhere")).toMatchObject({
    token: { tokenFile: "/nowhere/token" },
    namespace: "default",
  });
  expect(inCluster({})).toBeUndefined();
});
