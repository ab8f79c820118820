import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { build, unpackDebianSource, unpackWithDependencies } from "./debian-build.ts";
import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

const apiServer = "PROXYLESS_KUBE_APISERVER_BIN";
const crdServer = "PROXYLESS_KUBE_CRD_SERVER_BIN";

/**
 * The API server of Kubernetes 1.20.2, compiled: Debian builds no binary of it, but bookworm's source package holds
 * all of it, vendored modules included. That version asks for the Go of its time, which bullseye has. Takes some
 * minutes and 2 GB on the way.
 */
export const kubeApiserverRecipe: Recipe = {
  name: "kube-apiserver",
  version: "1.20.2",
  variable: apiServer,
  command: "kube-apiserver",
  binary: "bin/kube-apiserver",
  install: async (tree, scratch) => {
    const go = join(scratch, "go");
    await unpackTool(go, "bullseye", ["golang-1.15-go", "golang-1.15-src"], apiServer, scratch);
    // Its makefile generates code with the help of rsync.
    const rsync = join(scratch, "rsync");
    const libraries = ["libpopt0", "libxxhash0", "liblz4-1", "libzstd1"];
    await unpackTool(rsync, "bookworm", ["rsync", ...libraries], apiServer, scratch);
    const wanted = { suite: "bookworm", variable: apiServer };
    const source = await unpackDebianSource("kubernetes", wanted, join(scratch, "kubernetes"));
    const path = join(source, ".go");
    await mkdir(join(path, "src/k8s.io"), { recursive: true });
    await symlink("../../..", join(path, "src/k8s.io/kubernetes"));
    const root = join(go, "usr/lib/go-1.15");
    await build(["make", "WHAT=cmd/kube-apiserver"], {
      cwd: source,
      env: {
        ...goEnvironment(root, path, scratch),
        GO111MODULE: "auto",
        GOFLAGS: "-mod=vendor",
        PATH: [join(root, "bin"), join(rsync, "usr/bin"), process.env["PATH"]].join(":"),
        LD_LIBRARY_PATH: join(rsync, "usr/lib/x86_64-linux-gnu"),
        KUBE_GIT_VERSION: "v1.20.2",
        KUBE_GIT_COMMIT: "debian",
        KUBE_GIT_TREE_STATE: "archive",
        KUBE_GIT_MAJOR: "1",
        KUBE_GIT_MINOR: "20",
      },
    });
    await mkdir(join(tree, "bin"));
    const made = join(source, "_output/local/bin/linux/amd64/kube-apiserver");
    await copyFile(made, join(tree, "bin/kube-apiserver"));
  },
};

/**
 * The API server for custom resources of Kubernetes 1.36, compiled from the sources that Debian's development
 * packages hold (sid: its exact version moves). It serves whatever a definition describes, EndpointSlice v1 among
 * others, with the watch machinery of a present-day API server. Takes some minutes and 2 GB on the way.
 */
export const kubeCrdServerRecipe: Recipe = {
  name: "kube-crd-server",
  version: "1.36",
  variable: crdServer,
  command: "apiextensions-apiserver",
  binary: "bin/apiextensions-apiserver",
  install: async (tree, scratch) => {
    const go = join(scratch, "go");
    await unpackTool(go, "sid", ["golang-1.26-go", "golang-1.26-src"], crdServer, scratch);
    const sources = join(scratch, "sources");
    await unpackWithDependencies(
      ["golang-k8s-apiextensions-apiserver-dev"],
      ["golang-"],
      { suite: "sid", variable: crdServer },
      sources,
      join(scratch, "dependencies"),
    );
    const root = join(go, "usr/lib/go-1.26");
    const path = join(sources, "usr/share/gocode");
    await mkdir(join(tree, "bin"));
    await build([join(root, "bin/go"), "build", "-o", join(tree, "bin/apiextensions-apiserver"), "."], {
      cwd: join(path, "src/k8s.io/apiextensions-apiserver"),
      env: { ...goEnvironment(root, path, scratch), GO111MODULE: "off", GOFLAGS: "" },
    });
  },
};

async function unpackTool(
  tree: string,
  suite: string,
  packages: readonly string[],
  variable: string,
  scratch: string,
): Promise<void> {
  const download = `${tree}-download`;
  await mkdir(tree, { recursive: true });
  await mkdir(join(scratch, "home"), { recursive: true });
  await mkdir(download, { recursive: true });
  await unpackDebian({ suite, packages, sha256: {}, variable }, tree, download);
}

/** Keeps everything that Go writes inside `scratch`, and everything it reads inside what was unpacked. */
function goEnvironment(root: string, path: string, scratch: string): NodeJS.ProcessEnv {
  return {
    GOROOT: root,
    GOPATH: path,
    GOCACHE: join(scratch, "home/cache"),
    GOTOOLCHAIN: "local",
    GOPROXY: "off",
    HOME: join(scratch, "home"),
    CGO_ENABLED: "0",
  };
}
