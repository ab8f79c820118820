import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

const binary = "bin/proxyless-zookeeper";

/**
 * Named one by one: with everything that Debian puts into the folder on the class path, two loggers of it would call each
 * other for ever.
 */
const jars = [
  "zookeeper",
  "zookeeper-jute",
  "netty-buffer",
  "netty-codec",
  "netty-common",
  "netty-handler",
  "netty-resolver",
  "netty-transport",
  "netty-transport-native-unix-common",
  "netty-transport-native-epoll",
  "slf4j-api",
  "slf4j-simple",
  "commons-cli",
  "commons-io",
  "metrics-core",
  "jackson-annotations",
  "jackson-core",
  "jackson-databind",
  "snappy-java",
];

/** Runs a class of ZooKeeper: `JAVA` is the Java to use, `JAVA_OPTIONS` its options. */
const launcher = `#!/bin/sh
set -eu
here=$(cd "$(dirname "$0")/../usr/share/java" && pwd)
path=
for jar in ${jars.join(" ")}; do path="$path$here/$jar.jar:"; done
exec "\${JAVA:-java}" \${JAVA_OPTIONS:-} -cp "$path" "$@"
`;

/** ZooKeeper 3.8.0 as Debian carries it, with the libraries a server needs and a launcher of our own. */
export const zookeeperRecipe: Recipe = {
  name: "zookeeper",
  version: "3.8.0",
  variable: "PROXYLESS_ZOOKEEPER_BIN",
  command: "proxyless-zookeeper",
  binary,
  install: async (tree, scratch) => {
    await unpackDebian(
      {
        suite: "bookworm",
        packages: [
          "zookeeper",
          "libzookeeper-java",
          "libnetty-java",
          "libslf4j-java",
          "libcommons-cli-java",
          "libcommons-io-java",
          "libdropwizard-metrics-java",
          "libjackson2-annotations-java",
          "libjackson2-core-java",
          "libjackson2-databind-java",
          "libsnappy-java",
          "libsnappy-jni",
        ],
        sha256: {
          "zookeeper_3.8.0-11+deb12u2_all.deb":
            "85b47b3c6bc99fb6c1eefac59e3f59f3d44df436c9b500b6bc9ba0871d52162f",
          "libzookeeper-java_3.8.0-11+deb12u2_all.deb":
            "b2976f2bb4352d01713d3e40a8e047a3219c05f5fa53054e050246a6bc179053",
        },
        variable: "PROXYLESS_ZOOKEEPER_BIN",
      },
      tree,
      scratch,
    );
    const file = join(tree, binary);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, launcher);
    await chmod(file, 0o755);
  },
};
