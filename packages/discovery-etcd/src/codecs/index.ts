import { hash } from "node:crypto";

import { hostPort } from "@proxyless/core/discovery";

import type { EtcdCodec, EtcdRegistration } from "./codec.ts";
import { writeMetadata } from "./labels.ts";
import {
  fieldsOf,
  goMicroShape,
  grpcNamingShape,
  kitexShape,
  kratosShape,
  plainShape,
  readBareAddress,
} from "./shapes.ts";
import type { Shape } from "./shapes.ts";

/** Every format that is known by its fields; the last one takes what is left. */
const shapes: readonly Shape[] = [grpcNamingShape, goMicroShape, kratosShape, kitexShape, plainShape];

/** Any of the formats below, told apart by what is written; entries of one service may even differ. Only read. */
const auto: EtcdCodec = {
  name: "auto",
  base: "",
  decode: (key, value, reading) => {
    const fields = fieldsOf(value);
    if (fields === undefined) return readBareAddress(value, { key });
    for (const shape of shapes) {
      const read = shape(fields, { key, reading });
      if (read !== undefined) return read;
    }
    return "skip";
  },
};

/** etcd's own `naming/endpoints`, which gRPC's resolvers read: `<service>/<id>`. */
const grpcNaming: EtcdCodec = {
  name: "grpcNaming",
  base: "",
  decode: only(grpcNamingShape),
  encode: (instance) => {
    const more = { ...writeMetadata(instance), ...weightText(instance, 1) };
    const metadata = Object.keys(more).length === 0 ? null : more;
    const value = { Op: 0, Addr: hostPort(instance.host, instance.port), Metadata: metadata };
    return { key: instance.id, value: JSON.stringify(value) };
  },
};

/** Kratos: `/microservices/<service>/<id>`, the address as a URL. */
const kratos: EtcdCodec = {
  name: "kratos",
  base: "/microservices/",
  decode: only(kratosShape),
  encode: (instance) => {
    const { id, service, version, scheme, host, port } = instance;
    const { version: _version, scheme: _scheme, ...metadata } = writeMetadata(instance);
    const isSecure = scheme === "https";
    const value = {
      id,
      name: service,
      version: version ?? "",
      metadata: { ...metadata, ...weightText(instance, 100) },
      endpoints: [`${scheme}://${hostPort(host, port)}?isSecure=${isSecure}`],
    };
    return { key: id, value: JSON.stringify(value) };
  },
};

/** go-micro: `/micro/registry/<service>/<id>`, the address in `nodes`. */
const goMicro: EtcdCodec = {
  name: "goMicro",
  base: "/micro/registry/",
  folder: dashed,
  decode: only(goMicroShape),
  encode: (instance) => {
    const { id, service, version, host, port } = instance;
    const { version: _, ...metadata } = writeMetadata(instance);
    const node = {
      id,
      address: hostPort(host, port),
      metadata: { ...metadata, ...weightText(instance, 1) },
    };
    const value = { name: service, version: version ?? "", metadata: null, endpoints: [], nodes: [node] };
    return { key: dashed(id), value: JSON.stringify(value) };
  },
};

/** go-zero: `<service>/<number>`, the bare address. It has no room for anything else. */
const goZero: EtcdCodec = {
  name: "goZero",
  base: "",
  decode: (key, value) => readBareAddress(value, { key }),
  encode: ({ id, host, port }) => {
    // A number of our own, made of the id, so that a restarted instance replaces its own ghost.
    const number = BigInt(`0x${hash("sha256", id).slice(0, 15)}`) + 1n;
    return { key: number.toString(), value: hostPort(host, port) };
  },
};

/** Kitex: `kitex/registry-etcd/<service>/<host:port>`, 10 is the normal weight. */
const kitex: EtcdCodec = {
  name: "kitex",
  base: "kitex/registry-etcd/",
  decode: only(kitexShape),
  encode: writeKitex,
};

/** Hertz: as Kitex, below `hertz/registry-etcd/`. */
const hertz: EtcdCodec = { ...kitex, name: "hertz", base: "hertz/registry-etcd/" };

/**
 * Plain JSON with a word for everything, health included: `{"host":"10.0.0.1","port":8080,"weight":1,…}` at
 * `<service>/<id>`.
 */
const plain: EtcdCodec = {
  name: "plain",
  base: "",
  saysHealth: true,
  decode: only(plainShape),
  encode: ({ id, host, port, scheme, weight, version, zone, health, metadata }) => ({
    key: id,
    value: JSON.stringify({ host, port, scheme, weight, version, zone, health, metadata }),
  }),
};

/** The formats that etcd is used with. */
export const codecs: {
  readonly auto: EtcdCodec;
  readonly grpcNaming: EtcdCodec;
  readonly kratos: EtcdCodec;
  readonly goMicro: EtcdCodec;
  readonly goZero: EtcdCodec;
  readonly kitex: EtcdCodec;
  readonly hertz: EtcdCodec;
  readonly plain: EtcdCodec;
} = Object.freeze({ auto, grpcNaming, kratos, goMicro, goZero, kitex, hertz, plain });

function only(shape: Shape): EtcdCodec["decode"] {
  return (key, value, reading) => {
    const fields = fieldsOf(value);
    return (fields === undefined ? undefined : shape(fields, { key, reading })) ?? "skip";
  };
}

function writeKitex(instance: EtcdRegistration): { readonly key: string; readonly value: string } {
  const address = hostPort(instance.host, instance.port);
  const value = {
    network: "tcp",
    address,
    weight: Math.max(1, Math.round(instance.weight * 10)),
    tags: writeMetadata(instance),
  };
  return { key: address, value: JSON.stringify(value) };
}

/** Nothing for the normal weight, so that readers without an idea of weights see what they always see. */
function weightText({ weight }: EtcdRegistration, base: number): { readonly weight?: string } {
  return weight === 1 ? {} : { weight: String(weight * base) };
}

/** go-micro has no slash in a name. */
function dashed(name: string): string {
  return name.replaceAll("/", "-");
}
