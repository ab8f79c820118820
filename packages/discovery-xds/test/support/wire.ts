import { workAtOnce } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { AdsProtocol, AdsRequest, Received } from "../../src/ads-protocol.ts";
import type { Any } from "../../src/basic-messages.ts";
import { codecOf } from "../../src/codec.ts";
import { DeltaProtocol } from "../../src/delta-protocol.ts";
import { clusterKind, endpointsKind } from "../../src/resource-kind.ts";
import type { AnyKind } from "../../src/resource-kind.ts";
import { SotwProtocol } from "../../src/sotw-protocol.ts";
import { DeltaConversation } from "./delta-conversation.ts";
import { decodeRequest, encode } from "./messages.ts";
import type { RequestJson } from "./messages.ts";
import { assignmentOf, ServedState } from "./served-state.ts";
import type { Conversation, ServedType } from "./served-state.ts";
import { SotwConversation } from "./sotw-conversation.ts";

type Variant = "sotw" | "delta";
const kinds: Readonly<Record<ServedType, AnyKind>> = {
  Cluster: clusterKind,
  ClusterLoadAssignment: endpointsKind,
};
/** Bytes that are no message. */
export const bad: Buffer = Buffer.from([0xff, 0xff, 0xff]);

/** A response that is being read. */
interface Reading {
  readonly work: Sliceable<Received | undefined>;
  readonly resources: readonly (Any | null | undefined)[];
}

/** A client's protocol and a strict server, with messages under way between them that can be lost together. */
export class Wire {
  readonly #variant: Variant;
  readonly #sotw = new SotwProtocol();
  readonly #delta = new DeltaProtocol();
  readonly protocol: Omit<AdsProtocol<never>, "receive">;
  readonly state = new ServedState((type) => this.#server.changed(type));
  #server: Conversation;
  #toServer: RequestJson[] = [];
  #toClient: Buffer[] = [];
  #reading: Reading | undefined;
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

  /** One message arrives on each side that has one; the client reads a piece of what it has, and takes another when it is done. */
  step(): boolean {
    const request = this.#toServer.shift();
    if (request !== undefined) this.#server.hear(request);
    this.#reading ??= this.#receive(this.#toClient.shift());
    const reading = this.#reading;
    const next = reading?.work.next();
    if (reading !== undefined && next?.done === true) {
      this.#reading = undefined;
      if (next.value !== undefined) this.#take(next.value, reading.resources);
    }
    return request !== undefined || reading !== undefined;
  }

  /** The stream breaks, with everything that was under way. */
  reconnect(): void {
    this.#toServer = [];
    this.#toClient = [];
    this.#reading?.work.return(undefined);
    this.#reading = undefined;
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

  #receive(bytes: Buffer | undefined): Reading | undefined {
    if (bytes === undefined) return undefined;
    if (this.#variant === "sotw") {
      const response = codecOf("DiscoveryResponse").decode(bytes);
      return { work: this.#sotw.receive(response), resources: response.resources };
    }
    const response = codecOf("DeltaDiscoveryResponse").decode(bytes);
    const resources = response.resources.map(({ resource }) => resource);
    return { work: this.#delta.receive(response), resources };
  }

  #take(received: Received, resources: Reading["resources"]): void {
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
    if (kind !== undefined) workAtOnce<unknown>(kind.decode(any?.value ?? Buffer.alloc(0)));
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
