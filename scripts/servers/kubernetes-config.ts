import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Tokens that every API server of this tool knows, and what their owners may do. */
export interface KubeTokens {
  /** Everything. */
  readonly admin: string;
  /** List and watch EndpointSlices. */
  readonly reader: string;
  /** Known, and without any right. */
  readonly stranger: string;
  /** List EndpointSlices only. */
  readonly lister: string;
}

/** Tokens as long as real ones, so that nothing mistakes them for words. */
export const kubeTokens: KubeTokens = {
  admin: "admin-0123456789abcdef",
  reader: "reader-0123456789abcdef",
  stranger: "stranger-0123456789abcdef",
  lister: "lister-0123456789abcdef",
};

/** The file of `--token-auth-file`. */
export function tokensFile(): string {
  return [
    `${kubeTokens.admin},admin,admin,"system:masters"`,
    `${kubeTokens.reader},reader,reader`,
    `${kubeTokens.stranger},stranger,stranger`,
    `${kubeTokens.lister},lister,lister`,
  ].join("\n");
}

/** The role and its binding that give the reader, and in part the lister, their rights. */
export function rbacObjects(): readonly { readonly path: string; readonly body: object }[] {
  const group = "rbac.authorization.k8s.io";
  const folder = `/apis/${group}/v1`;
  return [
    { user: "reader", verbs: ["list", "watch"] },
    { user: "lister", verbs: ["list"] },
  ].flatMap(({ user, verbs }) => [
    {
      path: `${folder}/clusterroles`,
      body: {
        metadata: { name: `slice-${user}` },
        rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs }],
      },
    },
    {
      path: `${folder}/clusterrolebindings`,
      body: {
        metadata: { name: `slice-${user}` },
        roleRef: { apiGroup: group, kind: "ClusterRole", name: `slice-${user}` },
        subjects: [{ apiGroup: group, kind: "User", name: user }],
      },
    },
  ]);
}

/** EndpointSlice v1 as a custom resource; the annotation is what the group `k8s.io` asks for. */
export const endpointSliceDefinition: object = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "endpointslices.discovery.k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, for tests" },
  },
  spec: {
    group: "discovery.k8s.io",
    scope: "Namespaced",
    names: {
      plural: "endpointslices",
      singular: "endpointslice",
      kind: "EndpointSlice",
      listKind: "EndpointSliceList",
    },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};

/** A key that signs the tokens of service accounts. */
export async function signingKey(folder: string): Promise<string> {
  const file = join(folder, "signing.key");
  await run("openssl", ["genrsa", "-out", file, "2048"]);
  return file;
}

/** A kubeconfig for one address without any credentials. */
export async function plainKubeconfig(folder: string, url: string): Promise<string> {
  const file = join(folder, "kubeconfig.yaml");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "core", cluster: { server: url } }],
    contexts: [{ name: "core", context: { cluster: "core", user: "core" } }],
    users: [{ name: "core", user: {} }],
    "current-context": "core",
  };
  // JSON is YAML too.
  await writeFile(file, JSON.stringify(config));
  return file;
}
