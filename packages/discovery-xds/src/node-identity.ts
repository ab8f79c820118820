import type { Node } from "./ads-messages.ts";
import type { Struct, Value } from "./basic-messages.ts";
import type { NodeIdentity } from "./bootstrap.ts";

/** Resources may come in the wrapper that gives them a lifetime. */
const clientFeatures: readonly string[] = ["xds.config.resource-in-sotw"];
const maxDepth = 32;
/** Shorter ones are words, and would take the sense out of messages. */
const secretLength = 8;

/** Who asks, as the first message of each stream says it. */
export function nodeMessage({ cluster, id, locality, metadata }: NodeIdentity): Node {
  return {
    id,
    ...(cluster === undefined ? {} : { cluster }),
    ...(metadata === undefined ? {} : { metadata: structOf(metadata, 0) }),
    ...(locality === undefined ? {} : { locality }),
    userAgentName: "proxyless",
    userAgentVersion: "0",
    clientFeatures,
  };
}

/** Texts in the metadata of a node that are long enough to be secrets: a server may say them back in an error. */
export function metadataTexts({ metadata = {} }: NodeIdentity): readonly string[] {
  const texts: string[] = [];
  JSON.stringify(metadata, (_, value: unknown) => {
    if (typeof value === "string" && value.length >= secretLength) texts.push(value);
    return value;
  });
  // A text that is part of another would leave the rest of that one.
  return texts.toSorted((a, b) => b.length - a.length);
}

function structOf(value: Readonly<Record<string, unknown>>, depth: number): Struct {
  const fields = Object.entries(value).map(([key, own]) => [key, valueOf(own, depth)] as const);
  return { fields: Object.fromEntries(fields) };
}

/** JSON as protobuf has it; what JSON does not know is nothing, as in `JSON.stringify`. */
function valueOf(value: unknown, depth: number): Value {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "object" || value === null || depth >= maxDepth) return { nullValue: 0 };
  if (Array.isArray(value)) return { listValue: { values: value.map((own) => valueOf(own, depth + 1)) } };
  return { structValue: structOf(Object.fromEntries(Object.entries(value)), depth + 1) };
}
