/*
 * Headers as undici takes them: name, value, name, value… Names to look for are given in lower case.
 */

/** Names are compared without regard to case, and without making another string of each. */
export function isHeader(given: string, name: string): boolean {
  return given.length === name.length && (given === name || given.toLowerCase() === name);
}

/** Where the first header of a name stands; -1 where there is none. */
export function headerIndex(headers: readonly string[], name: string): number {
  for (let i = 0; i < headers.length; i += 2) if (isHeader(headers[i]!, name)) return i;
  return -1;
}

/** The value of a header, several of one name with commas between; undefined where there is none, or an empty one. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isHeader(headers[i]!, name)) continue;
    found = found === undefined ? headers[i + 1]! : `${found},${headers[i + 1]!}`;
  }
  return found === "" ? undefined : found;
}

/** Puts a header in place of the first of its name, or adds it. */
export function setHeader(headers: string[], name: string, value: string): void {
  const at = headerIndex(headers, name);
  if (at === -1) headers.push(name, value);
  else headers[at + 1] = value;
}
