import { SourceError } from "@proxyless/core/discovery";

import type { QuestionType, RecordData, Reply } from "./message.ts";

/** What DNS says of one type of records of a name. */
export interface RecordSet {
  /** `false`: the name does not exist at all. */
  readonly exists: boolean;
  /** Of the type that was asked for; empty where there are none. */
  readonly records: readonly RecordData[];
  /** In seconds: the least on the way from the name to the records; `undefined` where the server does not say. */
  readonly ttl: number | undefined;
}

/** As many aliases may lead from a name to its records. */
const maxAliases = 12;

/**
 * Follows the aliases from a name to its records, and takes nothing else from a reply.
 * @returns the records, or the name where the aliases of this reply end without any
 * @throws SourceError `data` when the aliases go in a circle
 */
export function readSet(
  name: string,
  type: QuestionType,
  reply: Reply,
): { readonly set: RecordSet } | { readonly alias: string; readonly ttl: number } {
  let owner = name.toLowerCase();
  let ttl = Infinity;
  for (let i = 0; i <= maxAliases; i++) {
    const current = owner;
    const records = reply.answers.filter((each) => each.name === current && each.type === type);
    if (records.length > 0) {
      const least = records.reduce((min, each) => Math.min(min, each.ttl), ttl);
      return { set: { exists: true, records, ttl: least } };
    }
    const alias = reply.answers.find((each) => each.name === current && each.type === "CNAME");
    if (alias?.type !== "CNAME") {
      const hasEnd = reply.negativeTtl !== undefined || owner === name.toLowerCase() || !reply.exists;
      if (!hasEnd) return { alias: owner, ttl };
      const least = Math.min(ttl, reply.negativeTtl ?? Infinity);
      return {
        set: { exists: reply.exists, records: [], ttl: Number.isFinite(least) ? least : undefined },
      };
    }
    owner = alias.target;
    ttl = Math.min(ttl, alias.ttl);
  }
  throw new SourceError("data", `${type} of ${name}: its aliases go in a circle`);
}

/** What tells one record of a set from the others. */
export function identityOf(record: RecordData): string {
  if (record.type === "SRV") return `${record.target}:${record.port}`;
  return record.type === "CNAME" ? record.target : record.address;
}
