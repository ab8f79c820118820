import { workAtOnce } from "@proxyless/core/discovery";
import { describe, expect, it } from "vitest";

import { clusterKind, endpointsKind } from "../src/resource-kind.ts";
import { goldenBytes } from "./support/golden-bytes.ts";
import { goldenMessages } from "./support/golden.ts";

describe("bytes that go-control-plane wrote", () => {
  it("are read as the cluster that they are, with everything that is not understood passed over", () => {
    expect(workAtOnce(clusterKind.decode(Buffer.from(goldenBytes.cluster, "base64")))).toEqual(
      goldenMessages.clusterRead,
    );
  });

  it("are read as the endpoints that they are", () => {
    expect(workAtOnce(endpointsKind.decode(Buffer.from(goldenBytes.endpoints, "base64")))).toEqual(
      goldenMessages.endpointsRead,
    );
  });
});
