import { createHash } from "node:crypto";

import type { Sliceable } from "@proxyless/core/discovery";

/** As many bytes as are looked at in one piece. */
const piece = 64 * 1024;

/** What tells contents apart. */
export function* digestOf(content: Buffer): Sliceable<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < content.length; at += piece) {
    hash.update(content.subarray(at, at + piece));
    yield;
  }
  return hash.digest("hex");
}

/**
 * A content as text, in pieces.
 * @throws TypeError where it is no UTF-8
 */
export function* textOf(content: Buffer): Sliceable<readonly string[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const texts: string[] = [];
  for (let at = 0; at < content.length; at += piece) {
    texts.push(decoder.decode(content.subarray(at, at + piece), { stream: true }));
    yield;
  }
  texts.push(decoder.decode());
  return texts;
}
