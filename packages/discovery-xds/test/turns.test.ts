import { setImmediate } from "node:timers/promises";

import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { ManualClock } from "@proxyless/core/testing";
import { xds } from "@proxyless/discovery-xds";
import type { XdsSource } from "@proxyless/discovery-xds";
import { describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import type { Received } from "../src/ads-protocol.ts";
import { AnswerReading } from "../src/answer-reading.ts";
import { codecOf } from "../src/codec.ts";
import type { LoadAssignment } from "../src/load-assignment.ts";
import { endpointsKind } from "../src/resource-kind.ts";
import { SotwProtocol } from "../src/sotw-protocol.ts";
import { any, decodeRequest, encode } from "./support/messages.ts";
import type { RequestJson } from "./support/messages.ts";

/** More than one turn reads by a clock that stands still. */
const size = 10_000;

function answer(
  ports: readonly number[],
  version: string,
): { readonly nonce: string; readonly bytes: Buffer } {
  const lb_endpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: `10.0.${port >> 8}.${port & 255}`, port_value: 80 } } },
  }));
  const endpoints = [{ locality: { zone: "a" }, lb_endpoints }];
  const resources = [any("ClusterLoadAssignment", { cluster_name: "orders", endpoints })];
  const nonce = `nonce ${version}`;
  const json = { version_info: version, nonce, type_url: endpointsKind.typeUrl, resources };
  return { nonce, bytes: encode("DiscoveryResponse", json) };
}

const numbers = (count: number, from = 1): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("a long answer", () => {
  /** A stream on which everything that is read is written down. */
  function reader(protocol: SotwProtocol): {
    readonly read: Received[];
    readonly reading: AnswerReading<ReturnType<typeof response>>;
    readonly finish: () => Promise<number>;
  } {
    const read: Received[] = [];
    let done = 0;
    const reading = new AnswerReading<ReturnType<typeof response>>(protocol, new ManualClock(), {
      read: (received) => {
        if (received !== undefined) read.push(received);
      },
      ready: () => void done++,
    });
    const finish = async (): Promise<number> => {
      const before = { done, read: read.length };
      for (let turns = 0; ; turns++) {
        if (done > before.done) return turns;
        expect(read).toHaveLength(before.read);
        // eslint-disable-next-line no-await-in-loop -- one turn after the other
        await setImmediate();
      }
    };
    return { read, reading, finish };
  }

  function response(...parts: Parameters<typeof answer>) {
    return codecOf("DiscoveryResponse").decode(answer(...parts).bytes);
  }

  function subscribed(): SotwProtocol {
    const protocol = new SotwProtocol();
    protocol.begin();
    protocol.subscribe(endpointsKind, "orders");
    protocol.flush();
    return protocol;
  }

  const endpointsIn = (received: Received | undefined): LoadAssignment["endpoints"] => {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- that is what the kind decodes to
    const assignment = received?.updates[0]?.value as LoadAssignment | undefined;
    return assignment?.endpoints ?? [];
  };

  it("is read in several turns, and acknowledged when it is read to its end", async () => {
    const { finish, read, reading } = reader(subscribed());
    expect(reading.take(response(numbers(size), "1"))).toBe(false);
    expect(await finish()).toBeGreaterThanOrEqual(3);
    expect(read).toMatchObject([{ reply: { versionInfo: "1", responseNonce: "nonce 1" }, failures: [] }]);
    expect(endpointsIn(read[0])).toHaveLength(size);
    // A short one needs no other turn.
    expect(reading.take(response([1], "2"))).toBe(true);
    expect(read[1]?.reply).toMatchObject({ versionInfo: "2" });
  });

  it("that is bad near its end is refused as a whole, and what was known before is still known", async () => {
    const { finish, read, reading } = reader(subscribed());
    reading.take(response(numbers(size), "1"));
    await finish();
    reading.take(response([...numbers(size, 2), size + 1], "2"));
    await finish();
    expect(read[1]?.updates).toEqual([]);
    expect(read[1]?.reply).toMatchObject({
      versionInfo: "1",
      responseNonce: "nonce 2",
      errorDetail: { code: 3 },
    });
    // Of an address that only the refused one had nothing is left, and the others are the very objects that they were.
    reading.take(response([...numbers(size), size + 1], "3"));
    await finish();
    const known = endpointsIn(read[0]);
    expect(read[2]?.failures).toEqual([]);
    expect(endpointsIn(read[2]).findIndex((endpoint, i) => endpoint !== known[i])).toBe(size);
  });

  it.each([1, 2])("is as if it had never come where its stream ends after %i turns", async (turns) => {
    const protocol = subscribed();
    const first = reader(protocol);
    first.reading.take(response(numbers(size), "1"));
    for (let turn = 1; turn < turns; turn++) {
      // eslint-disable-next-line no-await-in-loop -- one turn after the other
      await setImmediate();
    }
    first.reading.drop();
    expect(protocol.begin()).toEqual([{ typeUrl: endpointsKind.typeUrl, resourceNames: ["orders"] }]);
    const second = reader(protocol);
    second.reading.take(response(numbers(size), "2"));
    await second.finish();
    expect(first.read).toEqual([]);
    expect(endpointsIn(second.read[0])).toHaveLength(size);
    expect(second.read[0]?.reply).toMatchObject({ versionInfo: "2", responseNonce: "nonce 2" });
  });
});

describe("on a stream", () => {
  it("answers that come while another is read are neither lost nor reordered, each acknowledged in its turn", async () => {
    // A short one comes with the end of a long one.
    const answers = numbers(30).map((version) =>
      answer(numbers(version % 3 === 0 ? size : 1), String(version)),
    );
    const heard: RequestJson[] = [];
    const port = await serve((stream, request) => {
      heard.push(request);
      // None of them waits for what is said of those before.
      if (heard.length === 1) for (const each of answers) stream.write(each.bytes);
    });
    const orders = watching(sourceOn(port), "orders", { clock: new ManualClock() });
    await orders.until("the last answer", () => orders.last?.revision === String(answers.length));
    const versions = answers.map((_, i) => String(i + 1));
    expect(orders.snapshots.map(({ revision }) => revision)).toEqual(versions);
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(answers.length + 1);
    expect(heard.slice(1).map(({ version_info }) => version_info)).toEqual(versions);
    const nonces = answers.map(({ nonce }) => nonce);
    expect(heard.slice(1).map(({ response_nonce }) => response_nonce)).toEqual(nonces);
  });

  it("that breaks while an answer is read, nothing of that comes into the next one", async () => {
    const streams: RequestJson[][] = [];
    let current: Stream | undefined;
    const port = await serve((stream, request) => {
      if (stream !== current) {
        current = stream;
        streams.push([]);
        stream.write((streams.length === 1 ? answer(numbers(5 * size), "1") : answer([1], "2")).bytes);
      }
      streams.at(-1)?.push(request);
    });
    const clock = new EventfulClock(() => {
      current?.emit("error", { code: status.UNAVAILABLE, details: "as the test wants it" });
    });
    const orders = watching(sourceOn(port), "orders", { clock });
    await orders.until("the second stream's answer", () => {
      orders.refresh();
      return orders.last?.revision === "2";
    });
    await expect.poll(() => streams[1]?.length, { timeout: 10_000 }).toBe(2);
    // A stream that ended after an answer would be no trouble.
    expect(orders.log).toEqual(["error transient", "snapshot bound authoritative 1"]);
    expect(streams.map((requests) => requests.map(({ response_nonce }) => response_nonce))).toEqual([
      [undefined],
      [undefined, "nonce 2"],
    ]);
  });

  it("that is closed while an answer is read, nothing more is said", async () => {
    const heard: RequestJson[] = [];
    const port = await serve((stream, request) => {
      heard.push(request);
      stream.write(answer(numbers(size), "1").bytes);
    });
    const middle = Promise.withResolvers<void>();
    const orders = watching(sourceOn(port), "orders", { clock: new EventfulClock(middle.resolve) });
    await middle.promise;
    await orders.stop();
    for (let turn = 0; turn < 20; turn++) {
      // eslint-disable-next-line no-await-in-loop -- one turn after the other
      await setImmediate();
    }
    expect({ log: orders.log, late: orders.late, heard: heard.length }).toEqual({
      log: [],
      late: 0,
      heard: 1,
    });
  });
});

/** Something happens once it was looked at so often: while a long answer is read, which looks at it after each piece. */
class EventfulClock extends ManualClock {
  readonly #event: () => void;
  #looks = 0;

  constructor(event: () => void) {
    super();
    this.#event = event;
  }

  override now(): number {
    if (++this.#looks === 40) this.#event();
    return super.now();
  }
}

type Stream = ServerDuplexStream<Buffer, Buffer>;

function sourceOn(port: number): XdsSource {
  return xds({
    bootstrap: {
      xds_servers: [{ server_uri: `127.0.0.1:${port}`, channel_creds: [{ type: "insecure" }] }],
      node: { id: "shop-1" },
    },
    subscribe: "endpoints",
  });
}

/** Hands over what is asked on the streams of the variant that names everything. @returns the port */
async function serve(hear: (stream: Stream, request: RequestJson) => void): Promise<number> {
  const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
  const raw = (bytes: Buffer): Buffer => bytes;
  const server = new Server();
  const handle = (stream: Stream): void => {
    stream.on("data", (bytes: Buffer) => {
      hear(stream, decodeRequest("DiscoveryRequest", bytes));
    });
  };
  server.register(path, handle, raw, raw, "bidi");
  onTestFinished(() => {
    server.forceShutdown();
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
