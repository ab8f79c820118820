import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import type { DiscoverySource } from "@proxyless/core";
import { xds } from "@proxyless/discovery-xds";

import { makeCertificates } from "../../../scripts/servers/etcd-tls.ts";
import { ControlPlane } from "../../xds/control-plane.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";

/** Half a minute between two probes is more than a suite can wait for. */
export const impatience = { keepaliveMs: 1000, keepaliveTimeoutMs: 1000, connectTimeoutMs: 2000 } as const;

/** How long the certificates of a source do not fit, in milliseconds: some attempts fail. */
const lockedMs = 1000;

/** What an HTTP/1.1 server would say to an HTTP/2 connection. */
export const notGrpc: Buffer = Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");

/** Files of certificates, as an agent that renews them leaves them. */
interface Identity {
  readonly ca_certificate_file: string;
  readonly certificate_file: string;
  readonly private_key_file: string;
}

/** A source that asks the control plane at an address, in the clear unless it has an identity. */
export function xdsSource(
  host: string,
  port: number,
  isImpatient: boolean,
  protocol: "sotw" | "delta" = "sotw",
  identity?: Identity,
): DiscoverySource {
  const credentials = identity === undefined ? { type: "insecure" } : { type: "tls", config: identity };
  return xds({
    bootstrap: {
      xds_servers: [{ server_uri: `${host}:${port}`, channel_creds: [credentials] }],
      node: { id: "registry-under-test" },
    },
    protocol,
    ...(isImpatient ? impatience : {}),
  });
}

/**
 * A control plane that serves clusters and endpoints over ADS, as a process of its own. It is the strict one of the
 * tests: whatever the source does against the protocol fails the suite that stops it.
 */
export async function startXdsRegistry(): Promise<RegistryUnderTest> {
  const server = await ControlPlane.start();
  return {
    name: "xds",
    ...underTest(server),
    source: (host, port, isImpatient = false) => xdsSource(host, port, isImpatient),
    garbage: notGrpc,
    stop: () => stopped(server),
  };
}

/** The same with incremental xDS, and with certificates on both sides, which are of another authority once they have expired. */
export async function startXdsDeltaRegistry(): Promise<RegistryUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-xds-certificates-"));
  const at = (name: string): string => join(folder, name);
  const identity: Identity = {
    ca_certificate_file: at("own-ca.pem"),
    certificate_file: at("own.pem"),
    private_key_file: at("own-key.pem"),
  };
  const issue = async (): Promise<void> => {
    await copyFile(at("ca.pem"), identity.ca_certificate_file);
    await copyFile(at("client.pem"), identity.certificate_file);
    await copyFile(at("client-key.pem"), identity.private_key_file);
  };
  await makeCertificates(folder, ["127.0.0.1"]);
  await issue();
  const server = await ControlPlane.start(folder);
  return {
    name: "xds-delta",
    ...underTest(server),
    // TLS is for names.
    source: (_, port, isImpatient = false) => xdsSource("localhost", port, isImpatient, "delta", identity),
    expireAuth: async () => {
      await makeCertificates(folder, ["127.0.0.1"]);
      await server.restart();
      await wait(lockedMs);
      await issue();
    },
    stop: async () => {
      await stopped(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What both can. */
function underTest(server: ControlPlane): Omit<RegistryUnderTest, "name" | "source" | "stop"> {
  return {
    ...promisedTo("xds", {}, impatience),
    host: "127.0.0.1",
    port: server.port,
    put: (service, endpoints) => server.put(service, endpoints),
    swap: (service, gone, added) => server.swap(service, gone, added),
    kill: () => server.kill(),
    restart: () => server.restart(),
    restartEmpty: () => server.restartEmpty(),
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
  };
}

async function stopped(server: ControlPlane): Promise<void> {
  const violations = server.isRunning ? await server.violations() : [];
  await server.stop();
  if (violations.length > 0) throw new Error(`the source broke the protocol: ${violations.join("; ")}`);
}
