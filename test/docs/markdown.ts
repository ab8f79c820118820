import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The root of the workspace. */
export const root: string = resolve(import.meta.dirname, "../..");

/** One page, by its path from the root. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A fenced code block and what the comments above it say of it. */
export interface Block {
  readonly page: string;
  /** Line of the page on which the code begins, from 1. */
  readonly line: number;
  readonly code: string;
  /** `file: name`: the block is that file, for the other blocks of the page to import. */
  readonly file: string | undefined;
  /** `run: with a, b`: what must be there before it runs. */
  readonly needs: readonly string[];
  /** `run: never, why`: it is only type-checked. */
  readonly never: boolean;
  /** The text block headed by `output` that follows it. */
  readonly output: string | undefined;
}

/** Every page that people read. */
export function readPages(): readonly Page[] {
  const paths = globSync(["*.md", "docs/**/*.md", "packages/*/*.md"], { cwd: root })
    .filter((path) => !path.endsWith("CHANGELOG.md") && !/packages\/[^/]+\/api\.md$/.test(path))
    .toSorted();
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  readonly comments: readonly string[];
}

/**
 * The `ts` blocks of a page.
 * @throws Error for a comment that means nothing, so that a typing error cannot switch a block off
 */
export function readBlocks({ path, text }: Page): readonly Block[] {
  const fences = [...readFences(text)];
  const blocks: Block[] = [];
  for (const [index, fence] of fences.entries()) {
    if (fence.language !== "ts") continue;
    const next = fences[index + 1];
    const isOutput = next?.language === "text" && next.comments.includes("output");
    blocks.push({
      page: path,
      line: fence.line,
      code: fence.code,
      output: isOutput ? next.code : undefined,
      ...readDirectives(fence.comments, `${path}:${fence.line}`),
    });
  }
  return blocks;
}

function* readFences(text: string): Generator<Fence> {
  const lines = text.split("\n");
  let comments: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const opening = /^```(\w*)\s*$/.exec(line);
    if (opening === null) {
      const comment = /^<!--\s*(.*?)\s*-->$/.exec(line);
      if (comment !== null) comments.push(comment[1] ?? "");
      else if (line.trim() !== "") comments = [];
      continue;
    }
    const end = lines.indexOf("```", i + 1);
    if (end === -1) throw new Error(`the block of line ${i + 1} has no end`);
    yield {
      line: i + 2,
      language: opening[1] ?? "",
      code: `${lines.slice(i + 1, end).join("\n")}\n`,
      comments,
    };
    comments = [];
    i = end;
  }
}

function readDirectives(comments: readonly string[], where: string): Pick<Block, "file" | "needs" | "never"> {
  let file: string | undefined;
  let needs: readonly string[] = [];
  let never = false;
  for (const comment of comments) {
    const named = /^file: ([\w.-]+\.ts)$/.exec(comment)?.[1];
    const needed = /^run: with ([a-z, ]+)$/.exec(comment)?.[1];
    if (named !== undefined) file = named;
    else if (needed !== undefined) needs = needed.split(/\s*,\s*/);
    else if (/^run: never, \w/.test(comment)) never = true;
    else if (/^(run|file)\b/.test(comment)) throw new Error(`${where}: what does "${comment}" mean?`);
  }
  return { file, needs, never };
}
