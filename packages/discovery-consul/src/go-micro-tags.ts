import { inflateSync } from "node:zlib";

import { isRecord } from "./option-checks.ts";

const maxInflatedBytes = 4096;

/** What go-micro packs into tags: `t-`, `e-` and `v-`, each followed by hex(zlib(…)). */
export interface GoMicroTags {
  readonly version: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Whether a tag is one that go-micro writes for itself. */
export function isGoMicroTag(tag: string): boolean {
  return /^[tev]-(?:[0-9a-f]{2}){8,}$/.test(tag);
}

/** Unpacks metadata and version; what cannot be unpacked is left out. */
export function readGoMicroTags(tags: readonly string[]): GoMicroTags {
  const metadata: Record<string, string> = {};
  let version: string | undefined;
  for (const tag of tags) {
    if (!isGoMicroTag(tag)) continue;
    const content = inflate(tag.slice(2));
    if (content === undefined) continue;
    if (tag.startsWith("v-")) version = content;
    if (tag.startsWith("t-")) Object.assign(metadata, stringsOf(content));
  }
  return { version, metadata };
}

function inflate(hex: string): string | undefined {
  try {
    return inflateSync(Buffer.from(hex, "hex"), { maxOutputLength: maxInflatedBytes }).toString("utf8");
  } catch {
    return undefined;
  }
}

function stringsOf(json: string): Record<string, string> {
  const found: Record<string, string> = {};
  try {
    const value: unknown = JSON.parse(json);
    if (!isRecord(value)) return found;
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === "string" && key !== "__proto__") found[key] = item;
    }
  } catch {
    // Not go-micro's after all.
  }
  return found;
}
