import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Cluster } from "../../test/kubernetes/cluster.ts";
import { contractCases } from "../../test/kubernetes/contract-suite.ts";
import { kubeconfigCluster } from "../../test/kubernetes/kubeconfig-cluster.ts";
import { meshSuite } from "../../test/kubernetes/mesh-suite.ts";
import { watchSuite } from "../../test/kubernetes/watch-suite.ts";

const kubeconfig = process.env["PROXYLESS_TEST_KUBECONFIG"] ?? "";

// A cluster is nobody's to take without being told which.
describe.runIf(kubeconfig !== "")("the cluster of PROXYLESS_TEST_KUBECONFIG", () => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = kubeconfigCluster(kubeconfig, `proxyless-test-${process.pid}-`);
  });
  afterAll(() => cluster.stop());

  watchSuite(() => cluster, false);
  meshSuite(() => cluster, []);

  describe("the contract of a source", () => {
    it.each(contractCases(() => cluster, false))(
      "$name",
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
      120_000,
    );
  });
});
