import { join, resolve } from "node:path";

import {
  isPropertySignatureDeclaration,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
  isTypeReferenceNode,
  isUnionTypeNode,
} from "typescript/unstable/ast";
import type { Node, PropertySignatureDeclaration, SourceFile } from "typescript/unstable/ast";
import { API, SymbolFlags } from "typescript/unstable/sync";
import type { Checker } from "typescript/unstable/sync";

const core = resolve(import.meta.dirname, "../packages/core");
/** A named list of more words than this keeps its name. */
const MAX_WORDS = 6;

/** One field of an event. */
export interface EventField {
  readonly name: string;
  /** As TypeScript writes it; short lists of words by their words. */
  readonly type: string;
  /** Its doc comment, or that of its type; empty where both have none. */
  readonly about: string;
}

/** One type of event. */
export interface EventType {
  readonly type: string;
  /** The doc comment of `type`: when it is told. */
  readonly about: string;
  readonly fields: readonly EventField[];
}

/**
 * Every member of the union of a mesh's events, in the order of the source.
 * @throws Error for a member that is not a plain object type with a literal `type`
 */
export function readEventUnion(): readonly EventType[] {
  using snapshot = openCore();
  const project = snapshot.projects[0];
  const source = project?.program.getSourceFile(join(core, "src/events.ts"));
  if (project === undefined || source === undefined) throw new Error("the compiler does not find events.ts");
  const reader = new UnionReader(project.checker, source);
  return reader.read("MeshEvent");
}

function openCore(): Disposable & {
  readonly projects: ReturnType<ReturnType<API["updateSnapshot"]>["getProjects"]>;
} {
  const api = new API({ cwd: core });
  const snapshot = api.updateSnapshot({ openProjects: [join(core, "tsconfig.build.json")] });
  return {
    projects: snapshot.getProjects(),
    [Symbol.dispose]: () => {
      snapshot.dispose();
      api.close();
    },
  };
}

class UnionReader {
  readonly #checker: Checker;
  readonly #source: SourceFile;

  constructor(checker: Checker, source: SourceFile) {
    this.#checker = checker;
    this.#source = source;
  }

  read(name: string): readonly EventType[] {
    const alias = this.#source.statements.find(
      (one) => isTypeAliasDeclaration(one) && one.name.text === name,
    );
    if (alias === undefined || !isTypeAliasDeclaration(alias) || !isUnionTypeNode(alias.type)) {
      throw new Error(`${name} is no union`);
    }
    return Array.from(alias.type.types, (member) => this.#member(member));
  }

  #member(member: Node): EventType {
    const properties = isTypeLiteralNode(member)
      ? Array.from(member.members).filter((one) => isPropertySignatureDeclaration(one))
      : [];
    const [type, ...fields] = properties;
    const word = type === undefined ? undefined : /^"(.+)"$/.exec(this.#typeOf(type))?.[1];
    if (type === undefined || word === undefined || this.#text(type.name) !== "type") {
      throw new Error(`a member does not begin with its type: ${this.#text(member).slice(0, 80)}`);
    }
    return {
      type: word,
      about: this.#about(type.name),
      fields: fields.map((field) => ({
        name: this.#text(field.name),
        type: this.#typeOf(field),
        about: this.#about(field.name) || this.#aboutType(field.type),
      })),
    };
  }

  #typeOf({ type }: PropertySignatureDeclaration): string {
    return type === undefined ? "unknown" : this.#spelled(type);
  }

  #spelled(node: Node): string {
    if (isUnionTypeNode(node)) return Array.from(node.types, (one) => this.#spelled(one)).join(" | ");
    const words = isTypeReferenceNode(node) ? this.#words(node) : undefined;
    return words?.map((word) => `"${word}"`).join(" | ") ?? this.#text(node);
  }

  /** The words of a short list that has a name. */
  #words(node: Parameters<Checker["getTypeFromTypeNode"]>[0]): readonly string[] | undefined {
    const type = this.#checker.getTypeFromTypeNode(node);
    if (type === undefined || !type.isUnionType()) return undefined;
    const members = type.getTypes();
    const words = members.flatMap((member) => (member.isStringLiteralType() ? [member.value] : []));
    return words.length === members.length && words.length <= MAX_WORDS ? words : undefined;
  }

  #about(name: Node): string {
    const symbol = this.#checker.getSymbolAtLocation(name);
    return symbol === undefined ? "" : oneLine(this.#checker.getDocumentationCommentOfSymbol(symbol));
  }

  /** Of the first named type in a field's. */
  #aboutType(node: Node | undefined): string {
    if (node === undefined) return "";
    const parts = isUnionTypeNode(node) ? Array.from(node.types) : [node];
    const named = parts.find((part) => isTypeReferenceNode(part));
    if (named === undefined || !isTypeReferenceNode(named)) return "";
    const symbol = this.#checker.getSymbolAtLocation(named.typeName);
    if (symbol === undefined) return "";
    const isImported = (symbol.flags & SymbolFlags.Alias) !== 0;
    const own = isImported ? this.#checker.getAliasedSymbol(symbol) : symbol;
    return oneLine(this.#checker.getDocumentationCommentOfSymbol(own));
  }

  #text(node: Node): string {
    return this.#source.text.slice(node.pos, node.end).trim();
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
