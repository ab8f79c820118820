import { configError, show } from "../../errors.ts";
import {
  encodeAllowingReserved,
  encodeComponent,
  isCompound,
  listTexts,
  memberTexts,
  requestError,
  scalarText,
} from "./encode.ts";

/** How query parameters are written, in the words of OpenAPI. */
export interface QuerySerializerOptions {
  /** Lists. Default: `form`, exploded (`id=1&id=2`). Without `explode`: `id=1,2`, `id=1%202` or `id=1%7C2`. */
  readonly array?: {
    readonly style?: "form" | "spaceDelimited" | "pipeDelimited";
    readonly explode?: boolean;
  };
  /** Objects. Default: `deepObject` (`filter[name]=x`). `form`: `name=x`, without `explode` `filter=name,x`. */
  readonly object?: { readonly style?: "form" | "deepObject"; readonly explode?: boolean };
  /** Leaves `: / ? @ $ , ; = [ ]` in values as they are; `& + #` are always encoded. Default: false. */
  readonly allowReserved?: boolean;
}

/** Writes the query itself, without or with its leading `?`. */
export type QueryFunction = (query: Readonly<Record<string, unknown>>) => string;

/** The serialiser for some options, validated and merged over `base`. */
export function querySerializer(
  options: QuerySerializerOptions | QueryFunction | undefined,
  base?: QuerySerializerOptions | QueryFunction,
): QueryFunction {
  if (typeof options === "function") return (query) => checked(options(query));
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw configError("querySerializer", "an object or a function", options);
  }
  const over = typeof base === "object" ? base : {};
  const array = { style: "form", explode: true, ...over.array, ...options?.array } as const;
  const object = { style: "deepObject", explode: true, ...over.object, ...options?.object } as const;
  if (!(array.style in separators)) {
    throw configError("querySerializer.array.style", "form, spaceDelimited or pipeDelimited", array.style);
  }
  if (object.style !== "deepObject" && object.style !== "form") {
    throw configError("querySerializer.object.style", "form or deepObject", object.style);
  }
  const reserved = options?.allowReserved ?? over.allowReserved ?? false;
  const style = new QueryStyle(
    array.explode ? "&" : separators[array.style],
    object.style === "deepObject" ? "deep" : object.explode ? "explode" : "join",
    reserved ? encodeAllowingReserved : encodeComponent,
  );
  return (query) => style.write(query);
}

const separators = { form: ",", spaceDelimited: "%20", pipeDelimited: "%7C" } as const;

class QueryStyle {
  readonly #separator: string;
  readonly #objects: "deep" | "explode" | "join";
  readonly #encode: (text: string) => string;

  constructor(separator: string, objects: "deep" | "explode" | "join", encode: (text: string) => string) {
    this.#separator = separator;
    this.#objects = objects;
    this.#encode = encode;
  }

  write(query: Readonly<Record<string, unknown>>): string {
    let written = "";
    for (const name of Object.keys(query)) {
      const value = query[name];
      if (value === undefined || value === null) continue;
      const pair = isCompound(value)
        ? this.#compound(name, value)
        : `${encodeComponent(name)}=${this.#encode(typeof value === "string" ? value : scalarText(value, what(name)))}`;
      if (pair !== "") written = written === "" ? pair : `${written}&${pair}`;
    }
    return written;
  }

  #compound(name: string, value: object): string {
    const key = encodeComponent(name);
    const encode = this.#encode;
    if (Array.isArray(value)) {
      const items = listTexts(value, what(name)).map(encode);
      if (items.length === 0) return "";
      const separator = this.#separator;
      return separator === "&"
        ? items.map((item) => `${key}=${item}`).join("&")
        : `${key}=${items.join(separator)}`;
    }
    const members = memberTexts(value, what(name));
    if (members.length === 0) return "";
    if (this.#objects === "join") {
      return `${key}=${members.flatMap(([member, text]) => [encodeComponent(member), encode(text)]).join(",")}`;
    }
    const deep = this.#objects === "deep";
    return members
      .map(([member, text]) => {
        const written = encodeComponent(member);
        return `${deep ? `${key}%5B${written}%5D` : written}=${encode(text)}`;
      })
      .join("&");
  }
}

function what(name: string): string {
  return `query parameter "${name}"`;
}

function checked(written: unknown): string {
  if (typeof written !== "string") {
    throw requestError(`querySerializer must return text, got ${show(written)}`);
  }
  if (/[^\x21-\x7e]|#/.test(written)) {
    throw requestError("querySerializer returned characters that a URL cannot hold unencoded");
  }
  return written.startsWith("?") ? written.slice(1) : written;
}
