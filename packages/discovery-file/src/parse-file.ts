import { SourceError } from "@proxyless/core/discovery";
import { isRecord } from "@proxyless/core/discovery";

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

/**
 * Reads what a file says of services, whichever of the known shapes it has.
 * @throws SourceError `data` when it is none of them
 */
export async function parseFile(
  path: string,
  content: Buffer,
  options: ParseOptions,
): Promise<ServiceDrafts> {
  const isYaml = options.format === "yaml" || (options.format === "auto" && /\.ya?ml$/iu.test(path));
  const tree = isYaml ? await yamlOf(path, content) : jsonOf(path, content);
  const drafts = draftsOf(tree, options);
  if (typeof drafts === "string") throw new SourceError("data", `${path}: ${drafts}`);
  return drafts;
}

function draftsOf(tree: unknown, options: ParseOptions): ServiceDrafts | string {
  if (Array.isArray(tree)) {
    const items: readonly unknown[] = tree;
    if (items.some((each) => isRecord(each) && "targets" in each)) return readPrometheus(items, options);
    return new Map<string, readonly Draft[]>([[options.service, readOwn(items)]]);
  }
  if (!isRecord(tree)) return "it holds neither a list nor an object";
  if ("resources" in tree || "cluster_name" in tree || "clusterName" in tree) return readEds(tree);
  if ("services" in tree) return readServices(tree["services"]);
  if ("endpoints" in tree) {
    const { service = options.service, endpoints } = tree;
    if (typeof service !== "string" || service === "") return "service must be a name";
    if (!Array.isArray(endpoints)) return "endpoints must be a list";
    return new Map([[service, readOwn(endpoints)]]);
  }
  return "it has no services, endpoints or resources, and is no list of endpoints";
}

function readServices(services: unknown): ServiceDrafts | string {
  if (!isRecord(services)) return "services must be an object of lists";
  const found = new Map<string, readonly Draft[]>();
  for (const [service, list] of Object.entries(services)) {
    const endpoints: unknown = isRecord(list) ? list["endpoints"] : list;
    if (!Array.isArray(endpoints)) return `services.${service} must be a list of endpoints`;
    found.set(service, readOwn(endpoints));
  }
  return found;
}

function jsonOf(path: string, content: Buffer): unknown {
  try {
    return JSON.parse(textOf(content));
  } catch (error) {
    throw unreadable(path, "JSON", content, error);
  }
}

async function yamlOf(path: string, content: Buffer): Promise<unknown> {
  let tree: unknown;
  try {
    tree = await yamlTree(textOf(content));
  } catch (error) {
    throw unreadable(path, "YAML", content, error);
  }
  // A file with nothing but comments is valid YAML, and one that somebody is about to write.
  if (tree === undefined || tree === null) throw unreadable(path, "YAML", content, undefined);
  return tree;
}

function textOf(content: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(content);
}

function unreadable(path: string, kind: string, content: Buffer, error: unknown): SourceError {
  if (content.length === 0) return new SourceError("data", `${path} is empty`);
  const [why = "it is empty"] = error instanceof Error ? error.message.split("\n") : [];
  return new SourceError("data", `${path} is no ${kind}: ${why}`, { cause: error });
}
