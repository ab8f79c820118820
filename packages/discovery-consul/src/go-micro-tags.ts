import { deflateSync, inflateSync } from "node:zlib";

import { isRecord } from "@proxyless/core/discovery";

const maxInflatedBytes = 4096;

/** What go-micro puts into tags: `t-`, `e-` and `v-` with hex(zlib(…)); in old versions `t=`, `e=` and `v=` with plain text. */
export interface GoMicroTags {
  readonly version: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Whether a tag is one that go-micro writes for itself. */
export function isGoMicroTag(tag: string): boolean {
  return /^[tev]-(?:[0-9a-f]{2}){8,}$/.test(tag) || /^[te]=\{.*\}$/.test(tag);
}

/** Unpacks metadata and version; what cannot be unpacked is left out. */
export function readGoMicroTags(tags: readonly string[]): GoMicroTags {
  const metadata: Record<string, string> = {};
  let version: string | undefined;
  for (const tag of tags) {
    // Too short a text for a tag of its own: people write `v=2` too, and mean the same.
    if (tag.startsWith("v=")) version ??= tag.slice(2);
    if (!isGoMicroTag(tag)) continue;
    const content = tag[1] === "=" ? tag.slice(2) : inflate(tag.slice(2));
    if (content === undefined) continue;
    if (tag.startsWith("v-")) version = content;
    if (tag.startsWith("t")) Object.assign(metadata, stringsOf(content));
  }
  return { version, metadata };
}

/** Packs metadata, each key into a tag of its own, and the version, which go-micro always writes. */
export function writeGoMicroTags(
  metadata: Readonly<Record<string, string>>,
  version: string | undefined,
): readonly string[] {
  const packed = Object.entries(metadata).map(
    ([key, value]) => `t-${deflate(JSON.stringify({ [key]: value }))}`,
  );
  return [...packed, `v-${deflate(version ?? "")}`];
}

function deflate(text: string): string {
  return deflateSync(text).toString("hex");
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
