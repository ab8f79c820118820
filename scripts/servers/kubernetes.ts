import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { EtcdMember } from "./etcd-member.ts";
import { startEtcd } from "./etcd.ts";
import {
  endpointSliceDefinition,
  plainKubeconfig,
  rbacObjects,
  signingKey,
  tokensFile,
} from "./kubernetes-config.ts";
import { coreStub } from "./kubernetes-core-stub.ts";
import { KubeServer } from "./kubernetes-server.ts";
import type { KubeServerParts } from "./kubernetes-server.ts";
import { freePorts } from "./ports.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/**
 * Starts a kube-apiserver 1.20 with an etcd of its own on free ports of 127.0.0.1, with static tokens and access rules,
 * and waits until it serves; compiles it if need be. It serves EndpointSlices as v1beta1.
 */
export async function startKubeApiserver(): Promise<KubeServer> {
  const server = await launch(
    "kube-apiserver",
    "v1beta1",
    "/readyz",
    grantAccess,
    async ({ folder, port, etcdUrl }) => {
      await writeFile(join(folder, "tokens.csv"), tokensFile());
      const key = await signingKey(folder);
      return {
        args: [
          `--etcd-servers=${etcdUrl}`,
          "--bind-address=127.0.0.1",
          "--advertise-address=127.0.0.1",
          `--secure-port=${port}`,
          "--insecure-port=0",
          `--cert-dir=${join(folder, "pki")}`,
          "--service-cluster-ip-range=10.96.0.0/16",
          "--service-account-issuer=https://kubernetes.default.svc",
          `--service-account-key-file=${key}`,
          `--service-account-signing-key-file=${key}`,
          `--token-auth-file=${join(folder, "tokens.csv")}`,
          "--authorization-mode=RBAC",
          // Nobody makes the service accounts and namespaces that these ask for.
          "--disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
          "--endpoint-reconciler-type=none",
        ],
      };
    },
  );
  return finished(server);
}

/**
 * Starts the API server for custom resources of Kubernetes 1.36 with an etcd of its own on free ports of 127.0.0.1, and
 * waits until it serves EndpointSlice v1; compiles it if need be. Who may do what it asks a stand-in for the cluster's core.
 */
export async function startKubeCrdServer(): Promise<KubeServer> {
  const server = await launch(
    "kube-crd-server",
    "v1",
    "/readyz?exclude=informer-sync",
    defineSlices,
    async ({ folder, port, etcdUrl }) => {
      const stub = createServer(coreStub);
      stub.listen(0, "127.0.0.1").unref();
      await new Promise((resolve) => stub.once("listening", resolve));
      const address = stub.address();
      const stubPort = typeof address === "object" && address !== null ? address.port : 0;
      const kubeconfig = await plainKubeconfig(folder, `http://127.0.0.1:${stubPort}`);
      const plugins = [
        "NamespaceLifecycle",
        "MutatingAdmissionWebhook",
        "ValidatingAdmissionWebhook",
        "ValidatingAdmissionPolicy",
        "MutatingAdmissionPolicy",
      ];
      return {
        args: [
          `--etcd-servers=${etcdUrl}`,
          "--bind-address=127.0.0.1",
          `--secure-port=${port}`,
          `--cert-dir=${join(folder, "pki")}`,
          `--kubeconfig=${kubeconfig}`,
          `--authentication-kubeconfig=${kubeconfig}`,
          `--authorization-kubeconfig=${kubeconfig}`,
          "--authentication-skip-lookup=true",
          `--disable-admission-plugins=${plugins.join(",")}`,
        ],
        close: () => {
          stub.close();
          stub.closeAllConnections();
        },
      };
    },
  );
  return finished(server);
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly etcdUrl: string;
}

interface Prepared {
  readonly args: readonly string[];
  readonly close?: () => void;
}

async function launch(
  name: string,
  apiVersion: "v1" | "v1beta1",
  readyPath: string,
  setUp: KubeServerParts["setUp"],
  prepare: (place: Place) => Promise<Prepared>,
): Promise<KubeServer> {
  const binary = await installServer(name);
  const etcd = await startEtcd({ version: "3.5" });
  const folder = await mkdtemp(join(tmpdir(), "proxyless-kubernetes-"));
  guard(folder);
  try {
    await mkdir(join(folder, "pki"));
    const [port] = await freePorts(1);
    if (port === undefined) throw new Error("an API server needs a port");
    const { args, close } = await prepare({ folder, port, etcdUrl: etcd.url });
    const process = new ServerProcess({
      name: `${name} 127.0.0.1:${port}`,
      binary,
      args,
      logFile: join(folder, "server.log"),
    });
    await process.start();
    return new KubeServer({
      process,
      folder,
      port,
      etcd,
      apiVersion,
      readyPath,
      setUp,
      dispose: async () => {
        close?.();
        await removed(folder);
      },
    });
  } catch (error) {
    await abandoned(etcd, folder);
    throw error;
  }
}

async function grantAccess(server: KubeServer): Promise<void> {
  for (const { path, body } of rbacObjects()) {
    // eslint-disable-next-line no-await-in-loop -- a binding names its role
    await server.create(path, body);
  }
}

async function defineSlices(server: KubeServer): Promise<void> {
  await server.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", endpointSliceDefinition);
  await until("EndpointSlices are served", 60_000, async () => {
    const { status } = await server.request("GET", slicesPath);
    return status === 200 ? true : undefined;
  });
}

async function finished(server: KubeServer): Promise<KubeServer> {
  try {
    await server.ready();
    await server.setUp();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function abandoned(etcd: EtcdMember, folder: string): Promise<void> {
  await etcd.stop();
  await removed(folder);
}

async function removed(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  release(folder);
}
