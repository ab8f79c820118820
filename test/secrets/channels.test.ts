import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp2Server } from "node:http2";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createTcpServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";

import { createMesh, staticSource } from "@proxyless/core";
import type { DiscoverySource, Mesh } from "@proxyless/core";
import { xds } from "@proxyless/discovery-xds";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import { expect, it, onTestFinished } from "vitest";

import { makeCertificates } from "../../packages/core/test/support/certs.ts";
import { listening } from "../telemetry/support/listening.ts";
import { Overheard } from "./support/overheard.ts";
import { Planted } from "./support/planted.ts";

const certificates = makeCertificates();

/** Follows a source that cannot work until trouble was heard of, and lets everything be said that can be. */
async function follow(planted: Planted, discovery: DiscoverySource): Promise<void> {
  const overheard = new Overheard(planted);
  const mesh = overheard.listenTo(createMesh({ discovery }));
  const troubles: string[] = [];
  mesh.on("discovery.error", ({ message }) => troubles.push(message));
  await planted.thrown("a call", () => mesh.fetch("http://orders/x", { mesh: { timeoutMs: 300 } }));
  await expect.poll(() => troubles.length, { timeout: 10_000 }).toBeGreaterThan(0);
  await overheard.end();
}

/** Where a server stands that opens a session, and then says back what it hears in one way or another. */
async function zookeeperParrot(heard: string[], say: (heard: Buffer) => Buffer): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    let isNew = true;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      heard.push(chunk.toString("latin1"));
      if (!isNew) {
        socket.write(say(chunk));
        return;
      }
      isNew = false;
      // ConnectResponse: version, timeout, session, password, read-only.
      const answer = Buffer.alloc(4 + 37);
      answer.writeInt32BE(37, 0);
      answer.writeInt32BE(15_000, 8);
      answer.writeBigInt64BE(7n, 12);
      answer.writeInt32BE(16, 20);
      socket.write(answer);
    });
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${await listening(server)}`;
}

it.each<[string, (heard: Buffer) => Buffer]>([
  ["as its answer", (heard) => heard],
  // Its number stands behind the length of the frame.
  ["to nobody", (heard) => Buffer.concat([heard.subarray(0, 4), Buffer.of(0, 0, 0, 77), heard.subarray(8)])],
  ["as a frame", (heard) => heard.subarray(heard.indexOf("digest"))],
])("the digest for ZooKeeper does not come out, though a server says it back %s", async (_, say) => {
  const planted = new Planted();
  const heard: string[] = [];
  const password = planted.at("ZooKeeper's password");
  const servers = await zookeeperParrot(heard, say);
  await follow(planted, zookeeper({ servers, auth: { user: "mesh", password }, requestTimeoutMs: 200 }));
  expect(heard.join("")).toContain(password);
  expect(planted.leaks).toEqual([]);
});

/** Where a control plane stands that refuses everybody, and repeats what it was sent in its reason. */
async function xdsParrot(heard: string[]): Promise<string> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    stream.once("data", (chunk: Buffer) => {
      // What can be read of it, the headers last: reasons are cut off.
      const said = `${chunk.toString("latin1").replaceAll(/[^ -~]+/gu, " ")} ${JSON.stringify(headers)}`;
      heard.push(said);
      const reason = encodeURIComponent(said).slice(0, 8_000);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "16", "grpc-message": reason },
        { endStream: true },
      );
    });
  });
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return `127.0.0.1:${await listening(server)}`;
}

it("what a node tells its control plane of itself does not come out, though that says it back", async () => {
  const planted = new Planted();
  const heard: string[] = [];
  const token = planted.at("a token in the node's metadata");
  const bootstrap = {
    xds_servers: [{ server_uri: await xdsParrot(heard), channel_creds: [{ type: "insecure" }] }],
    node: { id: "mesh-1", metadata: { TOKEN: token, LABELS: { inner: planted.at("inner metadata") } } },
  };
  await follow(planted, xds({ bootstrap }));
  expect(heard.join("")).toContain(token);
  expect(planted.leaks).toEqual([]);
});

it.each(["a key", "no key"])("the private key for a control plane does not come out (%s)", async (kind) => {
  const planted = new Planted();
  const folder = await mkdtemp(join(tmpdir(), "proxyless-secrets-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const key =
    kind === "a key"
      ? planted.known("a private key", certificates.client.key)
      : `-----BEGIN PRIVATE KEY-----\n${planted.at("what is no key")}\n-----END PRIVATE KEY-----\n`;
  const paths = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem"), ca: join(folder, "ca.pem") };
  await Promise.all([
    writeFile(paths.key, key),
    writeFile(paths.cert, certificates.client.cert),
    writeFile(paths.ca, certificates.stranger.cert),
  ]);
  const config = { private_key_file: paths.key, certificate_file: paths.cert, ca_certificate_file: paths.ca };
  const server = createTlsServer(certificates.server);
  onTestFinished(() => void server.close());
  const bootstrap = {
    xds_servers: [
      { server_uri: `127.0.0.1:${await listening(server)}`, channel_creds: [{ type: "tls", config }] },
    ],
    node: { id: "mesh-1" },
  };
  await follow(planted, xds({ bootstrap, connectTimeoutMs: 300 }));
  expect(planted.leaks).toEqual([]);
});

/** Calls over TLS with that key and passphrase; what goes wrong is what comes out. */
async function callOver(planted: Planted, mesh: Mesh): Promise<void> {
  await planted.thrown("a call", () => mesh.service("orders").GET("/x"));
  await planted.thrown("a fetch", () => mesh.fetch("http://orders/x"));
}

it.each([
  ["one that is refused", certificates.client.key],
  ["one that does not fit", certificates.stranger.key],
  ["one that is none", undefined],
])("the private key for the endpoints does not come out: %s", async (_, pem) => {
  const planted = new Planted();
  const server = createTlsServer({ ...certificates.server, requestCert: true, rejectUnauthorized: true });
  server.on("tlsClientError", () => undefined);
  onTestFinished(() => void server.close());
  const key =
    pem === undefined
      ? `-----BEGIN PRIVATE KEY-----\n${planted.at("what is no key")}\n-----END PRIVATE KEY-----\n`
      : planted.known("a private key", pem);
  const tls = {
    ca: certificates.ca,
    cert: certificates.client.cert,
    key,
    passphrase: planted.at("a passphrase"),
  };
  const overheard = new Overheard(planted);
  let mesh: Mesh | undefined;
  try {
    mesh = overheard.listenTo(
      createMesh({
        discovery: staticSource({ orders: [`127.0.0.1:${await listening(server)}`] }),
        services: { orders: { transport: { tls }, retry: false, timeout: { totalMs: 500 } } },
      }),
    );
    await callOver(planted, mesh);
  } catch (error) {
    planted.value("the mesh that was not made", error);
  }
  await overheard.end();
  expect([...planted.sources].some((from) => from.startsWith("a call") || from.startsWith("the mesh"))).toBe(
    true,
  );
  expect(planted.leaks).toEqual([]);
});
