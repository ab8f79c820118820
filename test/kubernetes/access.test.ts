import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ManualClock, seededRandom } from "@proxyless/core/testing";
import type { Watching } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";

import { makeCertificates } from "../../scripts/servers/etcd-tls.ts";
import { ApiServer } from "./api-server.ts";
import type { Verb } from "./api-server.ts";
import { pods, sliceJson } from "./slices.ts";
import { watched, watchHosts } from "./watched.ts";

const token = "reader-0123456789abcdef";
const rights = new Map<string, readonly Verb[]>([[token, ["list", "watch"]]]);
let folder: string;
let made: Awaited<ReturnType<typeof makeCertificates>>;
let renewed: Awaited<ReturnType<typeof makeCertificates>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "proxyless-access-"));
  await mkdir(join(folder, "old"));
  await mkdir(join(folder, "new"));
  [made, renewed] = await Promise.all([
    makeCertificates(join(folder, "old"), ["127.0.0.1"]),
    makeCertificates(join(folder, "new"), ["127.0.0.1"]),
  ]);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

async function secureServer(
  options: { clients?: boolean; certificates?: typeof made } = {},
): Promise<ApiServer> {
  const { server: files, client } = options.certificates ?? made;
  const server = await ApiServer.start({
    tokens: options.clients === true ? new Map() : rights,
    tls: {
      cert: await readFile(files.cert, "utf8"),
      key: await readFile(files.key, "utf8"),
      ...(options.clients === true ? { clientCa: client.ca } : {}),
    },
  });
  onTestFinished(() => server.stop());
  for (const namespace of ["default", "shop"]) {
    server.put(
      sliceJson({ name: "web-1", service: "web", pods: pods(2, namespace === "shop" ? 11 : 1) }),
      namespace,
    );
  }
  return server;
}

async function own(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  return path;
}

function follow(options: Parameters<typeof watched>[0], service = "web"): Watching {
  const watch = watched(options, service);
  onTestFinished(() => watch.stop());
  return watch;
}

const shop = ["10.1.0.11", "10.1.0.12"];

describe("who the API server is", { timeout: 30_000 }, () => {
  it("is verified with the authority that is given, and with no other", async () => {
    const server = await secureServer();
    await expect(
      follow({ url: server.url, token, tls: { ca: made.client.ca } }).untilStates(["10.1.0.1", "10.1.0.2"]),
    ).resolves.toBeUndefined();
    const strange = follow({ url: server.url, token, tls: { ca: renewed.client.ca } });
    await strange.until("the refusal", () => strange.errors.length > 0);
    expect(strange.errors[0]?.class).toBe("auth");
    const unknown = follow({ url: server.url, token });
    await unknown.until("the refusal", () => unknown.errors.length > 0);
    expect(unknown.errors[0]?.class).toBe("auth");
  });

  it("is verified by the name that is given", async () => {
    const server = await secureServer();
    const { ca } = made.client;
    await expect(
      follow({ url: server.url, token, tls: { ca, serverName: "localhost" } }).untilStates([
        "10.1.0.1",
        "10.1.0.2",
      ]),
    ).resolves.toBeUndefined();
    const other = follow({ url: server.url, token, tls: { ca, serverName: "elsewhere.example" } });
    await other.until("the refusal", () => other.errors.length > 0);
    expect(other.errors[0]?.class).toBe("auth");
  });
});

describe("a kubeconfig", { timeout: 30_000 }, () => {
  const kubeconfig = (server: ApiServer, cluster: string, user: string): string => `
apiVersion: v1
kind: Config
current-context: here
clusters:
  - name: here
    cluster:
      server: ${server.url}
${cluster}
users:
  - name: me
    user:
${user}
contexts:
  - name: here
    context: { cluster: here, user: me, namespace: shop }
  - name: default
    context: { cluster: here, user: me }
`;

  it("gives address, authority, token and namespace", async () => {
    const server = await secureServer();
    const ca = Buffer.from(made.client.ca).toString("base64");
    const file = join(await own("inline"), "config");
    await writeFile(
      file,
      kubeconfig(server, `      certificate-authority-data: ${ca}`, `      token: ${token}`),
    );
    await expect(follow({ kubeconfig: file }).untilStates(shop)).resolves.toBeUndefined();
    await expect(
      follow({ kubeconfig: file, context: "default" }).untilStates(["10.1.0.1", "10.1.0.2"]),
    ).resolves.toBeUndefined();
    await expect(
      follow({ kubeconfig: file, namespace: "default" }).untilStates(["10.1.0.1", "10.1.0.2"]),
    ).resolves.toBeUndefined();
    await expect(
      follow({ kubeconfig: file }, "web.default").untilStates(["10.1.0.1", "10.1.0.2"]),
    ).resolves.toBeUndefined();
  });

  it("gives files, from where it stands itself, and is found by KUBECONFIG", async () => {
    const server = await secureServer();
    const place = await own("files");
    await writeFile(join(place, "ca.crt"), made.client.ca);
    await writeFile(join(place, "token"), `${token}\n`);
    const cluster = "      certificate-authority: ca.crt\n      tls-server-name: localhost";
    await writeFile(
      join(place, "config"),
      kubeconfig(server, cluster, "      tokenFile: token\n      token: ignored"),
    );
    vi.stubEnv("KUBECONFIG", join(place, "config"));
    await expect(follow({}).untilStates(shop)).resolves.toBeUndefined();
  });

  it("gives a client certificate, inline and in files", async () => {
    const server = await secureServer({ clients: true });
    const place = await own("client");
    await writeFile(join(place, "client.crt"), made.client.cert);
    await writeFile(join(place, "client.key"), made.client.key);
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const cluster = `      certificate-authority-data: ${base64(made.client.ca)}`;
    const files = "      client-certificate: client.crt\n      client-key: client.key";
    const inline = `      client-certificate-data: ${base64(made.client.cert)}\n      client-key-data: ${base64(made.client.key)}`;
    for (const [name, user] of Object.entries({ files, inline })) {
      await writeFile(join(place, name), kubeconfig(server, cluster, user));
      await expect(follow({ kubeconfig: join(place, name) }).untilStates(shop)).resolves.toBeUndefined();
    }
    await writeFile(join(place, "none"), kubeconfig(server, cluster, "      token: something"));
    const none = follow({ kubeconfig: join(place, "none") });
    await none.until("the refusal", () => none.errors.length > 0);
    expect(none.snapshots).toEqual([]);
  });

  it("may turn verification off, and says so itself", async () => {
    const server = await secureServer();
    const file = join(await own("insecure"), "config");
    await writeFile(
      file,
      kubeconfig(server, "      insecure-skip-tls-verify: true", `      token: ${token}`),
    );
    await expect(follow({ kubeconfig: file }).untilStates(shop)).resolves.toBeUndefined();
  });
});

describe("a pod", { timeout: 30_000 }, () => {
  it("finds its API server, its rights and its namespace by itself", async () => {
    const server = await secureServer();
    const place = await own("pod");
    await writeFile(join(place, "ca.crt"), made.client.ca);
    await writeFile(join(place, "token"), token);
    await writeFile(join(place, "namespace"), "shop");
    vi.stubEnv("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    vi.stubEnv("KUBERNETES_SERVICE_PORT", String(server.port));
    await expect(follow({ serviceAccountFolder: place }).untilStates(shop)).resolves.toBeUndefined();
    expect(server.served.every((served) => served.token === token)).toBe(true);
  });

  it("follows its authority when that is renewed", async () => {
    const place = await own("renewed");
    await writeFile(join(place, "ca.crt"), made.client.ca);
    await writeFile(join(place, "token"), token);
    const old = await secureServer();
    vi.stubEnv("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    vi.stubEnv("KUBERNETES_SERVICE_PORT", String(old.port));
    const clock = new ManualClock();
    const patient = { serviceAccountFolder: place, requestTimeoutMs: 600_000, silenceMs: 3_600_000 };
    const watch = watchHosts(kubernetes(patient), "web", { clock, random: seededRandom(1) });
    onTestFinished(() => watch.stop());
    await watch.untilStates(["10.1.0.1", "10.1.0.2"]);
    const { cert, key } = renewed.server;
    await old.renewCertificate({ cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") });
    await watch.until("the refusal", () => watch.errors.length > 0);
    await clock.advance(30_000);
    await watch.until("a certificate that is refused", () =>
      watch.errors.some((error) => error.class === "auth"),
    );
    await copyFile(renewed.server.ca, join(place, "ca.crt"));
    old.put(sliceJson({ name: "web-1", service: "web", pods: pods(3, 1) }));
    await expect
      .poll(
        async () => {
          await clock.advance(31_000);
          return watch.endpoints.length;
        },
        { timeout: 15_000 },
      )
      .toBe(3);
  });
});
