import { show } from "../../errors.ts";
import { withoutSecrets } from "../without-secrets.ts";
import { encodeComponent, isCompound, listTexts, memberTexts, requestError, scalarText } from "./encode.ts";

type PathStyle = "simple" | "label" | "matrix";

interface Expression {
  readonly name: string;
  readonly style: PathStyle;
  readonly explode: boolean;
}

const forbiddenInLiteral = /[\0-\x20\x7f#\\{}]/;
const encodedInLiteral = /[^\x21-\x7e]|["<>^`|]/gu;
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|\?|$)/i;

/** Path parameters as the caller gives them. */
export type PathValues = Readonly<Record<string, unknown>>;

/**
 * A path with `{name}` expressions, split once and filled per call. The expressions are those of OpenAPI and RFC 6570:
 * `{id}` simple, `{.id}` label, `{;id}` matrix, each with `*` at the end to explode arrays and objects.
 */
export class PathTemplate {
  /** The path as it was written, prefix included, without its query: errors and spans show it. */
  readonly text: string;
  /** Whether the path already holds a query, so that further parameters are joined with `&`. */
  readonly hasQuery: boolean;
  readonly #literals: readonly string[];
  readonly #expressions: readonly Expression[];

  /** @throws {ProxylessError} `ERR_PROXYLESS_REQUEST` when `text` is no path */
  constructor(text: string) {
    const shown = withoutSecrets(text);
    const parts = text.split(/\{([^{}]*)\}/);
    const literals: string[] = [];
    const expressions: Expression[] = [];
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 1) expressions.push(parseExpression(part, shown));
      else if (forbiddenInLiteral.test(part)) throw forbiddenLiteral(shown);
      else literals.push(part.replace(encodedInLiteral, (char) => encodeURIComponent(char.toWellFormed())));
    }
    if (!text.startsWith("/") || text.startsWith("//")) {
      throw requestError(`path must begin with one "/", got ${show(shown)}`);
    }
    // Expressions stand for something that is no dot here: filled values are checked on each call.
    if (dotSegment.test(literals.join("x")))
      throw requestError(`path ${show(shown)} holds a "." or ".." segment`);
    this.text = shown;
    this.hasQuery = literals.some((literal) => literal.includes("?"));
    this.#literals = literals;
    this.#expressions = expressions;
  }

  /**
   * The path with every expression filled and percent-encoded.
   * @throws {ProxylessError} `ERR_PROXYLESS_REQUEST` naming a parameter that is missing, empty, of the wrong kind or
   * would turn its segment into `.` or `..`
   */
  fill(values: PathValues | undefined): string {
    const literals = this.#literals;
    const expressions = this.#expressions;
    let path = literals[0]!;
    for (let i = 0; i < expressions.length; i++) {
      const expression = expressions[i]!;
      path += this.#expand(expression, values?.[expression.name]) + literals[i + 1]!;
    }
    if (expressions.length > 0 && path.includes("/.") && dotSegment.test(path)) throw this.#escaped(values);
    return path;
  }

  #expand(expression: Expression, value: unknown): string {
    if (value === undefined || value === null) throw this.#refused(expression.name, "is missing");
    const compound = isCompound(value);
    if (!compound && expression.style === "simple") {
      const text = typeof value === "string" ? value : scalarText(value, this.#what(expression.name));
      if (text === "") throw this.#refused(expression.name, "is empty");
      return encodeComponent(text);
    }
    const pieces = this.#pieces(expression, value);
    if (pieces.every((piece) => piece === "")) {
      throw this.#refused(expression.name, "is empty");
    }
    const named = encodeComponent(expression.name);
    if (expression.style === "simple") return pieces.join(",");
    if (expression.style === "label") return `.${pieces.join(expression.explode ? "." : ",")}`;
    if (!expression.explode || !compound) return `;${named}=${pieces.join(",")}`;
    return Array.isArray(value)
      ? pieces.map((piece) => `;${named}=${piece}`).join("")
      : `;${pieces.join(";")}`;
  }

  /** What is joined by the style's delimiter: an exploded object gives `name=value`, a plain one name, value, name… */
  #pieces(expression: Expression, value: unknown): string[] {
    const what = this.#what(expression.name);
    if (Array.isArray(value)) return listTexts(value, what).map(encodeComponent);
    if (!isCompound(value)) return [encodeComponent(scalarText(value, what))];
    const members = memberTexts(value, what);
    return expression.explode
      ? members.map(([name, text]) => `${encodeComponent(name)}=${encodeComponent(text)}`)
      : members.flatMap(([name, text]) => [encodeComponent(name), encodeComponent(text)]);
  }

  #what(name: string): string {
    return `path parameter "${name}" of ${this.text}`;
  }

  #refused(name: string, why: string): Error {
    return requestError(`${this.#what(name)} ${why}`);
  }

  #escaped(values: PathValues | undefined): Error {
    const culprit =
      this.#expressions.find((expression) => /^\.+$/.test(String(values?.[expression.name]))) ??
      this.#expressions[0]!;
    return this.#refused(culprit.name, `would make a "." or ".." segment`);
  }
}

function parseExpression(source: string, text: string): Expression {
  const matched = /^([.;]?)([^*.;][^*;]*)(\*?)$/.exec(source);
  const name = matched?.[2];
  if (name === undefined) throw requestError(`path ${show(text)} has no parameter name in "{${source}}"`);
  const style = matched?.[1] === "." ? "label" : matched?.[1] === ";" ? "matrix" : "simple";
  return { name, style, explode: matched?.[3] === "*" };
}

function forbiddenLiteral(text: string): Error {
  return requestError(
    `path ${show(text)} must not hold control characters, spaces, "#", "\\" or a brace without its pair`,
  );
}

/** Keeps the split templates of one client. */
export class PathTemplates {
  readonly #prefix: string;
  readonly #known = new Map<string, PathTemplate>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get(path: string): PathTemplate {
    const known = this.#known.get(path);
    return known ?? this.#add(path);
  }

  #add(path: string): PathTemplate {
    if (typeof path !== "string" || !path.startsWith("/")) {
      throw requestError(
        `path must begin with one "/", got ${show(typeof path === "string" ? withoutSecrets(path) : path)}`,
      );
    }
    const made = new PathTemplate(this.#prefix + path);
    // Callers who write ids into the path would otherwise grow this for ever: the oldest one leaves.
    if (this.#known.size >= maxTemplates) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(path, made);
    return made;
  }
}

const maxTemplates = 1_000;
