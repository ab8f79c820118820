import { inTurns, SourceError, toSourceError } from "@proxyless/core/discovery";

import { digestOf } from "./content.ts";
import type { Draft, ServiceDrafts } from "./draft.ts";
import type { Settings } from "./options.ts";
import { parseFile } from "./parse-file.ts";
import type { ReadContext } from "./parse-file.ts";
import type { Place } from "./place.ts";
import { serviceOf } from "./place.ts";
import { readWhole } from "./read-file.ts";

/** What one file said last, and how it is. */
interface FileState {
  digest: string;
  /** What it says; absent until it made sense once. */
  drafts: ServiceDrafts | undefined;
  /** What is wrong with it now. */
  problem: SourceError | undefined;
  isThere: boolean;
  /** New content that is not believed until it was read twice. */
  waiting: string;
}

/** What the files say of one service. */
export interface View {
  /** The lists of all files that have the service, the same objects while nothing changed; absent where none ever had it. */
  readonly lists: readonly (readonly Draft[])[] | undefined;
  /** Why that may not be all, or no longer so. */
  readonly problem: SourceError | undefined;
}

/** What reading the files came to. */
export interface Reading {
  /** Something is to be read again soon: it is broken, or not there, or not believed yet. */
  readonly isUnsettled: boolean;
}

/** The files of some places, each with its last good content: a file that is broken or gone takes away nothing. */
export class FileSet {
  readonly #settings: Settings;
  readonly #context: ReadContext;
  readonly #files = new Map<string, FileState>();
  #problems: readonly SourceError[] = [];

  constructor(settings: Settings, context: ReadContext) {
    this.#settings = settings;
    this.#context = context;
  }

  /**
   * Reads what changed.
   * @param isSwap files were replaced as wholes; otherwise new YAML counts when it was read twice, for half of a list that is
   * still being written is a list too
   */
  async read(places: readonly Place[], isSwap: boolean): Promise<Reading> {
    const paths = new Set(places.flatMap(({ files }) => files));
    this.#problems = places.flatMap(({ problem }) => problem ?? []);
    for (const [path, state] of this.#files) {
      if (paths.has(path)) continue;
      if (state.drafts === undefined) this.#files.delete(path);
      state.isThere = false;
      state.problem = new SourceError("transient", `${path} is gone; what it said last is kept`);
    }
    let isUnsettled = this.#problems.length > 0;
    for (const path of paths) {
      // eslint-disable-next-line no-await-in-loop -- one after the other: they share one disk and one thread to parse them
      isUnsettled = !(await this.#readOne(path, isSwap)) || isUnsettled;
    }
    return { isUnsettled };
  }

  view(service: string): View {
    const having = [...this.#files.values()].filter(({ drafts }) => drafts?.has(service));
    const there = having.filter(({ isThere }) => isThere);
    // A file that is gone speaks only where no other one does: its service may have moved.
    const counting = there.length > 0 ? there : having;
    const lists = counting.flatMap(({ drafts }) => [drafts?.get(service) ?? []]);
    const problem = counting.find((state) => state.problem !== undefined)?.problem;
    if (lists.length > 0) return { lists, problem };
    // Whatever cannot be read may be the one that has it.
    const unclear = [...this.#files.values()].find(
      ({ drafts, isThere, problem: its }) => its !== undefined && (isThere || drafts === undefined),
    );
    const first = this.#problems[0] ?? unclear?.problem;
    return { lists: first === undefined ? [] : undefined, problem: first };
  }

  /** Whether any file has the service. */
  has(service: string): boolean {
    return [...this.#files.values()].some(({ drafts }) => drafts?.has(service));
  }

  /** @returns whether the file is as it should be */
  async #readOne(path: string, isSwap: boolean): Promise<boolean> {
    const isFirst = !this.#files.has(path);
    const state = this.#files.get(path) ?? {
      digest: "",
      drafts: undefined,
      problem: undefined,
      isThere: false,
      waiting: "",
    };
    this.#files.set(path, state);
    try {
      const content = await readWhole(path, this.#settings.maxBytes);
      state.isThere = true;
      const digest = await inTurns(digestOf(content), this.#context);
      if (digest === state.digest) return state.problem === undefined || this.#recheck(state);
      const isYaml = /\.ya?ml$/iu.test(path) || this.#settings.format === "yaml";
      if (isYaml && !isSwap && !isFirst && state.drafts !== undefined && digest !== state.waiting) {
        state.waiting = digest;
        return false;
      }
      state.waiting = "";
      state.digest = digest;
      const { format, serviceLabel } = this.#settings;
      const service = serviceOf(path);
      state.drafts = await parseFile(path, content, { format, serviceLabel, service }, this.#context);
      state.problem = undefined;
      return true;
    } catch (error) {
      const problem = toSourceError(error);
      // A file that is not there, or not readable, may come back with the content it had.
      if (problem.class === "transient") state.isThere = false;
      state.problem = problem;
      return false;
    }
  }

  /** The same content as before: well again when it was only out of reach meanwhile. */
  #recheck(state: FileState): boolean {
    if (state.problem?.class !== "transient") return false;
    state.problem = undefined;
    return true;
  }
}
