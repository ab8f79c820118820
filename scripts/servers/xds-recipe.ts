import { join } from "node:path";

import { unpackGo } from "./go-toolchain.ts";
import type { Recipe } from "./recipe.ts";

/** What the server needs of Debian's development packages, and what they need of each other. */
const libraries = [
  "golang-github-envoyproxy-go-control-plane-dev",
  "golang-github-cncf-xds-dev",
  "golang-github-envoyproxy-protoc-gen-validate-dev",
  "golang-cel-expr-dev",
  "golang-google-grpc-dev",
  "golang-google-genproto-dev",
  "golang-google-protobuf-dev",
  "golang-github-golang-protobuf-1-5-dev",
  "golang-golang-x-net-dev",
  "golang-golang-x-sys-dev",
  "golang-golang-x-text-dev",
];

/**
 * A control plane on Envoy's own go-control-plane, compiled from `xds-server.go` and the sources that Debian's development
 * packages hold (sid: exact versions move). Takes some minutes and a gigabyte on the way.
 */
export const xdsRecipe: Recipe = {
  name: "xds",
  version: "0.13",
  variable: "PROXYLESS_XDS_BIN",
  command: "proxyless-xds-server",
  binary: "bin/xds-server",
  install: async (tree, scratch) => {
    const wanted = { names: libraries, withDependencies: false };
    const go = await unpackGo(wanted, "PROXYLESS_XDS_BIN", scratch);
    await go.buildFile(join(import.meta.dirname, "xds-server.go"), join(tree, "bin/xds-server"));
  },
};
