import { randomInt } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";

import { decode, encode, RECURSION_DESIRED } from "dns-packet";
import type { Answer, DecodedPacket } from "dns-packet";

/** What this package asks for. */
export type QuestionType = "A" | "AAAA" | "SRV";

/** A question as it goes over the wire. */
export interface Question {
  readonly name: string;
  readonly type: QuestionType;
  readonly bytes: Buffer;
}

/** One record that was asked for. */
export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly name: string; readonly ttl: number; readonly address: string }
  | {
      readonly type: "SRV";
      readonly name: string;
      readonly ttl: number;
      readonly target: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
    }
  | { readonly type: "CNAME"; readonly name: string; readonly ttl: number; readonly target: string };

/** A whole answer that says something about the name. */
export interface Reply {
  /** `false`: NXDOMAIN. */
  readonly exists: boolean;
  /** The server is the zone's own, so that its times to live are whole and not what is left of them. */
  readonly isAuthoritative: boolean;
  readonly answers: readonly RecordData[];
  /** What the server thought would be asked next. */
  readonly additionals: readonly RecordData[];
  /** For how long the absence of something counts, in seconds (RFC 2308); `undefined` when the server does not say. */
  readonly negativeTtl: number | undefined;
  readonly bytes: number;
}

/** What came over the wire. */
export type Message =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Not an answer to this question: somebody else's, or a forgery. */
  | { readonly kind: "foreign" }
  /** It may be the answer, and does not repeat the question as it was asked; TCP tells. */
  | { readonly kind: "recased" }
  | { readonly kind: "truncated" }
  /** The server does not understand the question with its extensions. */
  | { readonly kind: "no-edns" }
  /** The server does not answer it: SERVFAIL, REFUSED and the like. */
  | { readonly kind: "failed"; readonly code: string }
  | { readonly kind: "garbled"; readonly problem: string };

/** What one UDP packet may carry without being cut into pieces on any usual network (DNS flag day 2020). */
export const udpPayloadBytes = 1232;

const headerBytes = 12;
/** Times to live from here on are negative numbers of a broken server, and count as 0 (RFC 2181, section 8). */
const maxTtl = 2 ** 31;
const failures: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  4: "NOTIMP",
  5: "REFUSED",
  9: "NOTAUTH",
};

/**
 * A question with a random id, and with its letters in random case, which an answer has to repeat: 16 bits and one more for
 * every letter that a forger has to guess (draft-vixie-dnsext-dns0x20). From the system's generator, because whoever can
 * foretell these can forge answers.
 */
export function makeQuestion(name: string, type: QuestionType, edns: boolean): Question {
  const cased = name.replaceAll(/[a-z]/giu, (letter) =>
    randomInt(2) === 0 ? letter.toLowerCase() : letter.toUpperCase(),
  );
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: udpPayloadBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  } as const;
  const bytes = encode({
    type: "query",
    id: randomInt(0x1_0000),
    flags: RECURSION_DESIRED,
    questions: [{ name: cased, type }],
    additionals: edns ? [{ ...opt, options: [] }] : [],
  });
  return { name, type, bytes };
}

/**
 * Reads what came in answer to a question. Never throws, whatever the bytes are.
 * @param anyCase takes an answer that does not repeat the letters' case, where nobody else can have sent it
 */
export function readMessage(bytes: Buffer, question: Question, anyCase = false): Message {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== question.bytes.readUInt16BE(0)) {
    return { kind: "foreign" };
  }
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isResponse) return { kind: "foreign" };
  const code = flags & 0xf;
  const echo = echoOf(bytes, question);
  if (echo === "other") return { kind: "foreign" };
  if (echo === "none" && code === 0) return { kind: "foreign" };
  if (echo === "recased" && !anyCase) return { kind: "recased" };
  if (code === 1 || code === 4) return { kind: "no-edns" };
  if (code !== 0 && code !== 3) return { kind: "failed", code: failures[code] ?? `code ${code}` };
  if (echo === "none") return { kind: "foreign" };
  if ((flags & 0x0200) !== 0) return { kind: "truncated" };
  try {
    return { kind: "reply", reply: readReply(decode(bytes), code === 0, bytes.length) };
  } catch (error) {
    return { kind: "garbled", problem: error instanceof Error ? error.message : String(error) };
  }
}

/** How an answer repeats its question; servers that fail may leave it out. */
function echoOf(bytes: Buffer, question: Question): "same" | "recased" | "none" | "other" {
  const count = bytes.readUInt16BE(4);
  if (count === 0) return "none";
  if (count !== 1) return "other";
  // The name, a zero, type and class; a question is never compressed, because nothing stands before it.
  const length = question.name.length + 2 + 4;
  const asked = question.bytes.subarray(headerBytes, headerBytes + length);
  const echoed = bytes.subarray(headerBytes, headerBytes + length);
  if (asked.equals(echoed)) return "same";
  return asked.toString("latin1").toLowerCase() === echoed.toString("latin1").toLowerCase()
    ? "recased"
    : "other";
}

function readReply(packet: DecodedPacket, exists: boolean, bytes: number): Reply {
  return {
    exists,
    isAuthoritative: packet.flag_aa,
    answers: (packet.answers ?? []).flatMap(readRecord),
    additionals: (packet.additionals ?? []).flatMap(readRecord),
    negativeTtl: negativeTtlOf(packet.authorities ?? []),
    bytes,
  };
}

function readRecord(answer: Answer): readonly RecordData[] {
  if (answer.type !== "A" && answer.type !== "AAAA" && answer.type !== "SRV" && answer.type !== "CNAME") {
    return [];
  }
  if (answer.class !== "IN") return [];
  const name = answer.name.toLowerCase();
  const ttl = ttlOf(answer.ttl);
  if (answer.type === "SRV") {
    const { target, port, priority = 0, weight = 0 } = answer.data;
    return [{ type: "SRV", name, ttl, target: target.toLowerCase(), port, priority, weight }];
  }
  if (answer.type === "CNAME") return [{ type: "CNAME", name, ttl, target: answer.data.toLowerCase() }];
  const isAddress = answer.type === "A" ? isIPv4(answer.data) : isIPv6(answer.data);
  // The codec reads past the end of a packet that was cut inside an address.
  if (!isAddress) throw new Error(`the ${answer.type} record of ${name} holds no address`);
  return [{ type: answer.type, name, ttl, address: answer.data }];
}

function negativeTtlOf(authorities: readonly Answer[]): number | undefined {
  for (const each of authorities) {
    if (each.type === "SOA") return Math.min(ttlOf(each.ttl), ttlOf(each.data.minimum));
  }
  return undefined;
}

function ttlOf(ttl = 0): number {
  return ttl >= maxTtl ? 0 : ttl;
}
