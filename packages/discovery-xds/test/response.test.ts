import { workAtOnce } from "@proxyless/core/discovery";
import { describe, expect, it } from "vitest";

import type { DiscoveryResponse } from "../src/ads-messages.ts";
import { codecOf } from "../src/codec.ts";
import { DeltaProtocol } from "../src/delta-protocol.ts";
import { clusterKind, endpointsKind } from "../src/resource-kind.ts";
import { SotwProtocol } from "../src/sotw-protocol.ts";
import { encode } from "./support/messages.ts";
import { bad } from "./support/wire.ts";

describe("a response", () => {
  const response = (resources: object[], version: string, nonce: string): DiscoveryResponse =>
    codecOf("DiscoveryResponse").decode(
      encode("DiscoveryResponse", { version_info: version, nonce, type_url: clusterKind.typeUrl, resources }),
    );
  const eds = (one: string): object => ({
    type_url: clusterKind.typeUrl,
    value: encode("Cluster", { name: one, type: "EDS" }),
  });

  it("with something bad is refused with the version before, and its good part taken", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.subscribe(clusterKind, "b");
    expect(protocol.flush()).toEqual([{ typeUrl: clusterKind.typeUrl, resourceNames: ["a", "b"] }]);
    expect(workAtOnce(protocol.receive(response([eds("a"), eds("b")], "1", "x")))?.reply).toEqual({
      typeUrl: clusterKind.typeUrl,
      resourceNames: ["a", "b"],
      versionInfo: "1",
      responseNonce: "x",
    });
    const wrong = {
      type_url: clusterKind.typeUrl,
      value: encode("Cluster", { name: "b", type: "ORIGINAL_DST" }),
    };
    const received = workAtOnce(protocol.receive(response([eds("a"), wrong], "2", "y")));
    expect(received?.reply).toMatchObject({
      versionInfo: "1",
      responseNonce: "y",
      errorDetail: { code: 3, message: expect.stringContaining("b: a cluster is of type ORIGINAL_DST") },
    });
    expect(received?.updates.map((update) => update.name)).toEqual(["a"]);
    // There, but no good: that is not gone.
    expect(received?.removed).toEqual([]);
    // A server may keep silent on a version that it still has.
    expect(protocol.begin()).toEqual([{ typeUrl: clusterKind.typeUrl, resourceNames: ["a", "b"] }]);
  });

  it("whose resources cannot all be named deletes nothing by leaving something out", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.flush();
    workAtOnce(protocol.receive(response([eds("a")], "1", "x")));
    const received = workAtOnce(
      protocol.receive(response([{ type_url: clusterKind.typeUrl, value: bad }], "2", "y")),
    );
    expect(received?.removed).toEqual([]);
    expect(received?.failures).toHaveLength(1);
    expect(workAtOnce(protocol.receive(response([], "3", "z")))?.removed).toEqual(["a"]);
  });

  it("of another type, or with a resource of one, is refused", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.flush();
    const other = { type_url: endpointsKind.typeUrl, value: Buffer.alloc(0) };
    expect(workAtOnce(protocol.receive(response([other], "1", "x")))?.failures[0]?.message).toContain(
      "is of type",
    );
    const listener = encode("DiscoveryResponse", {
      type_url: "type.googleapis.com/envoy.config.listener.v3.Listener",
    });
    expect(workAtOnce(protocol.receive(codecOf("DiscoveryResponse").decode(listener)))).toBeUndefined();
  });

  it("that has a resource twice is refused, and the first one taken", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.flush();
    const received = workAtOnce(protocol.receive(response([eds("a"), eds("a")], "1", "x")));
    expect(received?.failures.map(({ message }) => message)).toEqual(["it is there twice"]);
    expect(received?.updates).toHaveLength(1);
  });

  it("of the delta variant confirms all that it does not name, if it is the first of its type on a stream", () => {
    const protocol = new DeltaProtocol();
    const answer = (nonce: string): boolean | undefined =>
      workAtOnce(
        protocol.receive(
          codecOf("DeltaDiscoveryResponse").decode(
            encode("DeltaDiscoveryResponse", {
              type_url: clusterKind.typeUrl,
              nonce,
              resources: [{ name: "a", version: nonce, resource: eds("a") }],
            }),
          ),
        ),
      )?.confirmsRest;
    protocol.subscribe(clusterKind, "a");
    protocol.begin(false);
    expect([answer("1"), answer("2")]).toEqual([true, false]);
    protocol.begin(true);
    expect([answer("3"), answer("4")]).toEqual([true, false]);
  });

  it("point 6, a reset: is answered to another server without the versions of the first", () => {
    const protocol = new DeltaProtocol();
    for (const one of ["a", "b"]) protocol.subscribe(clusterKind, one);
    protocol.begin(false);
    workAtOnce(
      protocol.receive(
        codecOf("DeltaDiscoveryResponse").decode(
          encode("DeltaDiscoveryResponse", {
            type_url: clusterKind.typeUrl,
            nonce: "x",
            resources: ["a", "b"].map((one) => ({ name: one, version: "7", resource: eds(one) })),
          }),
        ),
      ),
    );
    const subscription = { typeUrl: clusterKind.typeUrl, subscribe: ["a", "b"] };
    expect(protocol.begin(true)).toEqual([{ ...subscription, initialResourceVersions: { a: "", b: "7" } }]);
    expect(protocol.begin(false)).toEqual([subscription]);
  });
});
