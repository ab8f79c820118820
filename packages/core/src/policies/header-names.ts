import { configError } from "../errors.ts";
import { checkArray } from "../option-checks.ts";

const token = /^[\w!#$%&'*+.^`|~-]{1,256}$/;

/**
 * Checks a list of header names; undefined where none is given.
 * @returns lower case, each once, frozen
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveHeaderNames(input: unknown, path: string): readonly string[] | undefined {
  const given = checkArray(input, path, "names of headers");
  if (given === undefined) return undefined;
  const names = given.map((name, index) => {
    if (typeof name === "string" && token.test(name)) return name.toLowerCase();
    throw configError(`${path}[${index}]`, "the name of a header", name);
  });
  return Object.freeze([...new Set(names)]);
}
