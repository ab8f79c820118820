import type { WatchContext } from "@proxyless/core";
import { inTurns, isRecord, parsePieces, SourceError } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { textOf } from "./content.ts";
import type { Draft, ServiceDrafts } from "./draft.ts";
import { readEds } from "./eds-shape.ts";
import { readOwn } from "./own-shape.ts";
import { readPrometheus } from "./prometheus-shape.ts";
import { yamlTree } from "./yaml-tree.ts";

/** What a file is read with. */
export interface ParseOptions {
  readonly format: "auto" | "json" | "yaml";
  /** The service that the file is about where it does not say so itself. */
  readonly service: string;
  readonly serviceLabel: string | undefined;
}

/** Time, and what ends the reading. */
export type ReadContext = Pick<WatchContext, "clock" | "signal">;

/**
 * Reads what a file says of services, whichever of the known shapes it has, over as many turns of the event loop as that takes.
 * @throws SourceError `data` when it is none of them
 */
export async function parseFile(
  path: string,
  content: Buffer,
  options: ParseOptions,
  context: ReadContext,
): Promise<ServiceDrafts> {
  const isYaml = options.format === "yaml" || (options.format === "auto" && /\.ya?ml$/iu.test(path));
  const tree = await (isYaml ? yamlOf(path, content, context) : jsonOf(path, content, context));
  const drafts = await inTurns(draftsOf(tree, options), context);
  if (typeof drafts === "string") throw new SourceError("data", `${path}: ${drafts}`);
  return drafts;
}

function* draftsOf(tree: unknown, options: ParseOptions): Sliceable<ServiceDrafts | string> {
  if (Array.isArray(tree)) {
    const items: readonly unknown[] = tree;
    if (items.some((each) => isRecord(each) && "targets" in each))
      return yield* readPrometheus(items, options);
    return new Map<string, readonly Draft[]>([[options.service, yield* readOwn(items)]]);
  }
  if (!isRecord(tree)) return "it holds neither a list nor an object";
  if ("resources" in tree || "cluster_name" in tree || "clusterName" in tree) return yield* readEds(tree);
  if ("services" in tree) return yield* readServices(tree["services"]);
  if ("endpoints" in tree) {
    const { service = options.service, endpoints } = tree;
    if (typeof service !== "string" || service === "") return "service must be a name";
    if (!Array.isArray(endpoints)) return "endpoints must be a list";
    return new Map([[service, yield* readOwn(endpoints)]]);
  }
  return "it has no services, endpoints or resources, and is no list of endpoints";
}

function* readServices(services: unknown): Sliceable<ServiceDrafts | string> {
  if (!isRecord(services)) return "services must be an object of lists";
  const found = new Map<string, readonly Draft[]>();
  for (const [service, list] of Object.entries(services)) {
    const endpoints: unknown = isRecord(list) ? list["endpoints"] : list;
    if (!Array.isArray(endpoints)) return `services.${service} must be a list of endpoints`;
    found.set(service, yield* readOwn(endpoints));
  }
  return found;
}

async function jsonOf(path: string, content: Buffer, context: ReadContext): Promise<unknown> {
  try {
    return await inTurns(jsonIn(content), context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw unreadable(path, "JSON", content, error);
  }
}

function* jsonIn(content: Buffer): Sliceable<unknown> {
  return yield* parsePieces(yield* textOf(content));
}

async function yamlOf(path: string, content: Buffer, context: ReadContext): Promise<unknown> {
  let tree: unknown;
  try {
    tree = await yamlTree((await inTurns(textOf(content), context)).join(""));
  } catch (error) {
    context.signal.throwIfAborted();
    throw unreadable(path, "YAML", content, error);
  }
  // A file with nothing but comments is valid YAML, and one that somebody is about to write.
  if (tree === undefined || tree === null) throw unreadable(path, "YAML", content, undefined);
  return tree;
}

function unreadable(path: string, kind: string, content: Buffer, error: unknown): SourceError {
  if (content.length === 0) return new SourceError("data", `${path} is empty`);
  const [why = "it is empty"] = error instanceof Error ? error.message.split("\n") : [];
  return new SourceError("data", `${path} is no ${kind}: ${why}`, { cause: error });
}
