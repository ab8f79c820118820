import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { DiscoveryResponse } from "../src/ads-messages.ts";
import type { AdsProtocol, AdsRequest, Received } from "../src/ads-protocol.ts";
import type { Any } from "../src/basic-messages.ts";
import { codecOf } from "../src/codec.ts";
import { DeltaProtocol } from "../src/delta-protocol.ts";
import { clusterKind, endpointsKind } from "../src/resource-kind.ts";
import type { AnyKind } from "../src/resource-kind.ts";
import { SotwProtocol } from "../src/sotw-protocol.ts";
import { DeltaConversation } from "./support/delta-conversation.ts";
import { decodeRequest, encode } from "./support/messages.ts";
import type { RequestJson } from "./support/messages.ts";
import { assignmentOf, ServedState } from "./support/served-state.ts";
import type { Conversation, ServedType } from "./support/served-state.ts";
import { SotwConversation } from "./support/sotw-conversation.ts";

type Variant = "sotw" | "delta";
const kinds: Readonly<Record<ServedType, AnyKind>> = {
  Cluster: clusterKind,
  ClusterLoadAssignment: endpointsKind,
};
const bad = Buffer.from([0xff, 0xff, 0xff]);

/** A client's protocol and a strict server, with messages under way between them that can be lost together. */
class Wire {
  readonly #variant: Variant;
  readonly #sotw = new SotwProtocol();
  readonly #delta = new DeltaProtocol();
  readonly protocol: Omit<AdsProtocol<never>, "receive">;
  readonly state = new ServedState((type) => this.#server.changed(type));
  #server: Conversation;
  #toServer: RequestJson[] = [];
  #toClient: Buffer[] = [];
  #streams = 0;
  #isFirst = true;
  /** What the client holds: the number inside of each resource, by type and name. */
  readonly held = new Map<string, number>();
  /** The version of each. */
  readonly versions = new Map<string, string>();
  readonly wanted = new Map<string, { readonly type: ServedType; readonly name: string }>();
  readonly problems: string[] = [];

  constructor(variant: Variant) {
    this.#variant = variant;
    this.protocol = variant === "sotw" ? this.#sotw : this.#delta;
    this.#server = this.#open();
  }

  subscribe(type: ServedType, name: string): void {
    if (this.wanted.has(`${type} ${name}`)) return;
    this.wanted.set(`${type} ${name}`, { type, name });
    this.protocol.subscribe(kinds[type], name);
  }

  unsubscribe(type: ServedType, name: string): void {
    if (!this.wanted.delete(`${type} ${name}`)) return;
    this.#lose(`${type} ${name}`);
    this.protocol.unsubscribe(kinds[type], name);
  }

  put(type: ServedType, name: string, number: number | "bad" | "invalid"): void {
    if (number === "bad") this.state.put(type, name, bad);
    else if (type === "Cluster") {
      const eds = { name, type: "EDS", eds_cluster_config: { service_name: String(number) } };
      this.state.put(type, name, number === "invalid" ? { name, type: "ORIGINAL_DST" } : eds);
    } else {
      const place = { host: "10.0.0.1", port: number === "invalid" ? 0 : 1000 + number };
      this.state.put(type, name, assignmentOf(name, [place]));
    }
  }

  flush(): void {
    for (const request of this.protocol.flush()) this.#send(request);
  }

  /** One message arrives on each side that has one. */
  step(): boolean {
    const request = this.#toServer.shift();
    if (request !== undefined) this.#server.hear(request);
    const response = this.#toClient.shift();
    if (response !== undefined) this.#receive(response);
    return request !== undefined || response !== undefined;
  }

  /** The stream breaks, with everything that was under way. */
  reconnect(): void {
    this.#toServer = [];
    this.#toClient = [];
    this.#isFirst = true;
    this.#server = this.#open();
    for (const request of this.protocol.begin(true)) {
      this.#checkVersions(request);
      this.#send(request);
    }
  }

  settle(): void {
    this.flush();
    for (let i = 0; this.step(); i++) {
      this.flush();
      if (i > 1000) throw new Error("they talk for ever");
    }
  }

  /** What the server takes for wanted, as `wanted` has it. */
  subscribed(): string[] {
    return (["Cluster", "ClusterLoadAssignment"] as const).flatMap((type) =>
      this.#server.subscribed(type).map((name) => `${type} ${name}`),
    );
  }

  #lose(what: string): void {
    this.held.delete(what);
    this.versions.delete(what);
  }

  /** A stream begins with the versions of what is held, and of nothing else; one of them is not said, and has to come. */
  #checkVersions(request: AdsRequest): void {
    if (this.#variant === "sotw") {
      if ("versionInfo" in request) this.problems.push(`a stream began with ${request.versionInfo}`);
      return;
    }
    const type = request.typeUrl === clusterKind.typeUrl ? "Cluster" : "ClusterLoadAssignment";
    const expected = [...this.versions]
      .filter(([what]) => what.startsWith(`${type} `))
      .map(([what, version]) => `${what.slice(type.length + 1)}=${version}`);
    const said = Object.entries(
      "initialResourceVersions" in request ? (request.initialResourceVersions ?? {}) : {},
    ).map(([name, version]) => `${name}=${version}`);
    const unsaid = said.filter((each) => each.endsWith("="));
    const full = said.map(
      (each) => expected.find((one) => each.endsWith("=") && one.startsWith(each)) ?? each,
    );
    const isOne = unsaid.length === Math.min(1, expected.length);
    if (!isOne || full.toSorted().join() !== expected.toSorted().join()) {
      this.problems.push(`a stream began with ${said.join()}, not ${expected.join()}`);
    }
  }

  #open(): Conversation {
    const id = ++this.#streams;
    const name = this.#variant === "sotw" ? "DiscoveryResponse" : "DeltaDiscoveryResponse";
    const send = (json: object): void => {
      if (id === this.#streams) this.#toClient.push(encode(name, json));
    };
    return this.#variant === "sotw"
      ? new SotwConversation(this.state, id, send)
      : new DeltaConversation(this.state, id, send);
  }

  #send(request: AdsRequest): void {
    const node = { id: "n", userAgentName: "p", userAgentVersion: "0", clientFeatures: [] };
    const full = this.#isFirst ? { ...request, node } : request;
    this.#isFirst = false;
    const bytes =
      this.#variant === "sotw"
        ? codecOf("DiscoveryRequest").encode(full)
        : codecOf("DeltaDiscoveryRequest").encode(full);
    this.#toServer.push(
      decodeRequest(this.#variant === "sotw" ? "DiscoveryRequest" : "DeltaDiscoveryRequest", bytes),
    );
  }

  #receive(bytes: Buffer): void {
    let received: Received | undefined;
    let resources: readonly (Any | null | undefined)[];
    if (this.#variant === "sotw") {
      const response = codecOf("DiscoveryResponse").decode(bytes);
      ({ resources } = response);
      received = this.#sotw.receive(response);
    } else {
      const response = codecOf("DeltaDiscoveryResponse").decode(bytes);
      resources = response.resources.map(({ resource }) => resource);
      received = this.#delta.receive(response);
    }
    if (received === undefined) return;
    const type = received.kind === clusterKind ? "Cluster" : "ClusterLoadAssignment";
    for (const { name, value, version } of received.updates) {
      this.held.set(`${type} ${name}`, numberIn(value));
      this.versions.set(`${type} ${name}`, version);
    }
    for (const name of received.removed) this.#lose(`${type} ${name}`);
    const hasBad = resources.some(isBad);
    const { errorDetail } = received.reply;
    if (hasBad !== (errorDetail !== undefined))
      this.problems.push(`a response with bad ${hasBad} was answered otherwise`);
    this.#send(received.reply);
  }
}

function isBad(any: Any | null | undefined): boolean {
  const kind = Object.values(kinds).find(({ typeUrl }) => typeUrl === any?.typeUrl);
  try {
    kind?.decode(any?.value ?? Buffer.alloc(0));
    return false;
  } catch {
    return true;
  }
}

/** The number that {@link Wire.put} hid in a resource. */
function numberIn(value: unknown): number {
  const text = JSON.stringify(value);
  const port = /"port":(\d+)/.exec(text)?.[1];
  return port === undefined ? Number(/"name":"(\d+)"/.exec(text)?.[1]) : Number(port) - 1000;
}

const type = fc.constantFrom<ServedType>("Cluster", "ClusterLoadAssignment");
const name = fc.constantFrom("a", "b");
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("subscribe" as const), type, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), type, name }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      type,
      name,
      number: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 500 }) },
        { weight: 1, arbitrary: fc.constantFrom("bad" as const, "invalid" as const) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), type, name }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("step" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reconnect" as const) }) },
);

describe.each(["sotw", "delta"] as const)("%s", (variant) => {
  it("says nothing wrong, never acknowledges what is bad, and has everything after any history", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.boolean(), (commands, breaksAtLast) => {
        const wire = new Wire(variant);
        wire.reconnect();
        for (const each of commands) {
          if (each.do === "subscribe") wire.subscribe(each.type, each.name);
          else if (each.do === "unsubscribe") wire.unsubscribe(each.type, each.name);
          else if (each.do === "put") wire.put(each.type, each.name, each.number);
          else if (each.do === "remove") wire.state.remove(each.type, each.name);
          else if (each.do === "flush") wire.flush();
          else if (each.do === "reconnect") wire.reconnect();
          else wire.step();
        }
        wire.settle();
        if (breaksAtLast) {
          wire.reconnect();
          wire.settle();
        }
        expect(wire.subscribed().toSorted()).toEqual([...wire.wanted.keys()].toSorted());
        // The last word on each resource, which must reach the client however often it was refused before.
        for (const [i, wanted] of [...wire.wanted.values()].entries()) {
          wire.put(wanted.type, wanted.name, 600 + i);
        }
        wire.settle();
        expect(wire.state.violations).toEqual([]);
        expect(wire.problems).toEqual([]);
        expect(Object.fromEntries(wire.held)).toEqual(
          Object.fromEntries([...wire.wanted.keys()].map((what, i) => [what, 600 + i])),
        );
        // What is gone is gone, where the protocol can say it.
        for (const wanted of wire.wanted.values()) wire.state.remove(wanted.type, wanted.name);
        wire.settle();
        const left = [...wire.held.keys()].filter(
          (what) => variant === "delta" || what.startsWith("Cluster "),
        );
        expect(left).toEqual([]);
      }),
      { seed: 42, numRuns: 1000 },
    );
  });
});

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
    expect(protocol.receive(response([eds("a"), eds("b")], "1", "x"))?.reply).toEqual({
      typeUrl: clusterKind.typeUrl,
      resourceNames: ["a", "b"],
      versionInfo: "1",
      responseNonce: "x",
    });
    const wrong = {
      type_url: clusterKind.typeUrl,
      value: encode("Cluster", { name: "b", type: "ORIGINAL_DST" }),
    };
    const received = protocol.receive(response([eds("a"), wrong], "2", "y"));
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
    protocol.receive(response([eds("a")], "1", "x"));
    const received = protocol.receive(response([{ type_url: clusterKind.typeUrl, value: bad }], "2", "y"));
    expect(received?.removed).toEqual([]);
    expect(received?.failures).toHaveLength(1);
    expect(protocol.receive(response([], "3", "z"))?.removed).toEqual(["a"]);
  });

  it("of another type, or with a resource of one, is refused", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.flush();
    const other = { type_url: endpointsKind.typeUrl, value: Buffer.alloc(0) };
    expect(protocol.receive(response([other], "1", "x"))?.failures[0]?.message).toContain("is of type");
    const listener = encode("DiscoveryResponse", {
      type_url: "type.googleapis.com/envoy.config.listener.v3.Listener",
    });
    expect(protocol.receive(codecOf("DiscoveryResponse").decode(listener))).toBeUndefined();
  });

  it("that has a resource twice is refused, and the first one taken", () => {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(clusterKind, "a");
    protocol.flush();
    const received = protocol.receive(response([eds("a"), eds("a")], "1", "x"));
    expect(received?.failures.map(({ message }) => message)).toEqual(["it is there twice"]);
    expect(received?.updates).toHaveLength(1);
  });

  it("of the delta variant confirms all that it does not name, if it is the first of its type on a stream", () => {
    const protocol = new DeltaProtocol();
    const answer = (nonce: string): boolean | undefined =>
      protocol.receive(
        codecOf("DeltaDiscoveryResponse").decode(
          encode("DeltaDiscoveryResponse", {
            type_url: clusterKind.typeUrl,
            nonce,
            resources: [{ name: "a", version: nonce, resource: eds("a") }],
          }),
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
    protocol.receive(
      codecOf("DeltaDiscoveryResponse").decode(
        encode("DeltaDiscoveryResponse", {
          type_url: clusterKind.typeUrl,
          nonce: "x",
          resources: ["a", "b"].map((one) => ({ name: one, version: "7", resource: eds(one) })),
        }),
      ),
    );
    const subscription = { typeUrl: clusterKind.typeUrl, subscribe: ["a", "b"] };
    expect(protocol.begin(true)).toEqual([{ ...subscription, initialResourceVersions: { a: "", b: "7" } }]);
    expect(protocol.begin(false)).toEqual([subscription]);
  });
});
