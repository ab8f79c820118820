import { Agent, request as httpRequest } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import { Client, credentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";

import { startEtcd } from "../scripts/servers/index.ts";
import type { EtcdMember } from "../scripts/servers/index.ts";
import type { Row } from "./row.ts";
import { median, quantile } from "./statistics.ts";

export interface EtcdTransportOptions {
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

/** A way to follow keys; calls `heard` with each value that a key was given. */
interface Transport {
  readonly name: string;
  open(member: EtcdMember, heard: (value: string) => void): Promise<() => Promise<void>>;
}

interface Round {
  /** From the start of a write to its event, in milliseconds. */
  readonly latencies: readonly number[];
  /** Of this process, writer included, per write, in µs. */
  readonly cpu: number;
}

const prefix = "bench/";
const writesPerRound = 200;
const openMs = 5000;

/** As much of etcd's protocol as a watch needs. */
const root = protobuf.parse(`
  syntax = "proto3";
  message KeyValue { bytes key = 1; int64 mod_revision = 3; bytes value = 5; }
  message Event { int32 type = 1; KeyValue kv = 2; }
  message WatchCreateRequest { bytes key = 1; bytes range_end = 2; int64 start_revision = 3; }
  message WatchRequest { WatchCreateRequest create_request = 1; }
  message WatchResponse { bool created = 3; bool canceled = 4; repeated Event events = 11; }
`).root;
const watchRequest = root.lookupType("WatchRequest");
const watchResponse = root.lookupType("WatchResponse");

/**
 * What a watch costs over etcd's JSON gateway and over gRPC: how long after a write its event is there, and how much CPU
 * each event takes beside the write, which is the same in all of them. Rounds are interleaved.
 */
export async function benchEtcdTransport({
  progress,
  rounds,
}: EtcdTransportOptions): Promise<readonly Row[]> {
  await using member = await startEtcd();
  const transports = [nothing, gateway, grpc];
  const results = new Map<string, Round[]>(transports.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    progress(`etcd-transport: round ${round} of ${rounds}`);
    for (let i = 0; i < transports.length; i++) {
      const transport = transports[(i + round) % transports.length]!;
      const result = await measure(member, transport);
      // The first round warms the code.
      if (round > 0) results.get(transport.name)!.push(result);
    }
  }
  const base = results.get(nothing.name)!.map(({ cpu }) => cpu);
  return [gateway, grpc].flatMap(({ name }): Row[] => {
    const measured = results.get(name)!;
    const all = measured.flatMap(({ latencies }) => latencies);
    const cpu = measured.map((one, i) => one.cpu - (base[i] ?? 0));
    const row = { ratio: null, against: null, target: null };
    return [
      { ...row, name: `etcd ${name} write to event`, metric: "p50", value: quantile(all, 0.5) },
      { ...row, name: `etcd ${name} write to event`, metric: "p99", value: quantile(all, 0.99) },
      { ...row, name: `etcd ${name} per event`, metric: "cpu", value: median(cpu) },
    ];
  });
}

async function measure(member: EtcdMember, transport: Transport): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let arrived = (): void => undefined;
  let awaited = "";
  const close = await transport.open(member, (value) => {
    if (value === awaited) arrived();
  });
  const latencies: number[] = [];
  // What opening left behind is not a part of it.
  await wait(20);
  const before = process.cpuUsage();
  for (let i = 0; i < writesPerRound; i++) {
    const value = `10.0.0.${i}:80`;
    const begin = performance.now();
    const isThere = new Promise<void>((resolve) => {
      arrived = () => {
        latencies.push(performance.now() - begin);
        resolve();
      };
    });
    awaited = value;
    const written = put(agent, member, `${prefix}${i % 10}`, value);
    await Promise.all(transport === nothing ? [written] : [written, isThere]);
  }
  const { user, system } = process.cpuUsage(before);
  await close();
  agent.destroy();
  return { latencies, cpu: (user + system) / writesPerRound };
}

/** Writes alone. */
const nothing: Transport = { name: "writes", open: async () => async () => undefined };

interface GatewayLine {
  readonly result: {
    readonly created?: boolean;
    readonly events?: readonly { readonly kv: { readonly value: string } }[];
  };
}

/** The JSON gateway, over `node:http`. */
const gateway: Transport = {
  name: "gateway",
  open: async (member, heard) => {
    const agent = new Agent();
    const body = JSON.stringify({
      create_request: { key: base64(prefix), range_end: base64("bench0") },
    });
    const outgoing = post(agent, member, "/v3/watch", body);
    await new Promise<void>((resolve, reject) => {
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        let rest = "";
        incoming.setEncoding("utf8");
        incoming.on("error", () => undefined);
        incoming.on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            const { result }: GatewayLine = JSON.parse(line);
            if (result.created === true) resolve();
            for (const { kv } of result.events ?? []) heard(Buffer.from(kv.value, "base64").toString());
          }
        });
      });
    });
    return async () => {
      outgoing.on("error", () => undefined);
      outgoing.destroy();
      agent.destroy();
    };
  },
};

/** gRPC, with the library that most programs have for it. */
const grpc: Transport = {
  name: "gRPC",
  open: async (member, heard) => {
    const client = new Client(`${member.host}:${member.port}`, credentials.createInsecure());
    const stream = client.makeBidiStreamRequest(
      "/etcdserverpb.Watch/Watch",
      (message: object) => Buffer.from(watchRequest.encode(message).finish()),
      (bytes: Buffer) => watchResponse.toObject(watchResponse.decode(bytes)),
    );
    stream.on("error", () => undefined);
    const create = { key: Buffer.from(prefix), rangeEnd: Buffer.from("bench0") };
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no gRPC watch within ${openMs} ms`)), openMs);
      stream.on("data", (message: { created?: boolean; events?: readonly { kv: { value: Buffer } }[] }) => {
        if (message.created === true) {
          clearTimeout(timer);
          resolve();
        }
        for (const { kv } of message.events ?? []) heard(Buffer.from(kv.value).toString());
      });
      stream.write({ createRequest: create });
    });
    return async () => {
      stream.cancel();
      client.close();
    };
  },
};

async function put(agent: Agent, member: EtcdMember, key: string, value: string): Promise<void> {
  const outgoing = post(
    agent,
    member,
    "/v3/kv/put",
    JSON.stringify({ key: base64(key), value: base64(value) }),
  );
  await new Promise<void>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      incoming.resume();
      incoming.on("end", resolve);
    });
  });
}

function post(
  agent: Agent,
  { host, port }: EtcdMember,
  path: string,
  body: string,
): ReturnType<typeof httpRequest> {
  const headers = { "content-length": Buffer.byteLength(body) };
  const outgoing = httpRequest({ agent, host, port, path, method: "POST", headers });
  outgoing.end(body);
  return outgoing;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
