import { SourceError } from "@proxyless/core/discovery";

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/iu;

/** Whether a name can be asked for: labels of 1 to 63 letters, digits, `-` and `_`, 253 characters at most; a dot may end it. */
export function isDomain(name: string): boolean {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  return bare.length > 0 && bare.length <= 253 && bare.split(".").every((each) => label.test(each));
}

/** The name to look up for a service. @throws SourceError `config` when the service's name does not fit into one */
export function nameOf(template: string, service: string): string {
  const name = template.replaceAll("{service}", () => service);
  if (isDomain(name)) return name;
  throw new SourceError("config", `service ${JSON.stringify(service)} makes no DNS name in ${template}`);
}

/**
 * The names that a resolver tries one after the other, each absolute: a name with `ndots` dots or more as it is first, any
 * other in the search domains first (resolv.conf(5)); one that ends with a dot only as it is.
 */
export function candidatesOf(name: string, search: readonly string[], ndots: number): readonly string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const inDomains = search
    .map((domain) => `${name}.${domain.endsWith(".") ? domain.slice(0, -1) : domain}`)
    .filter(isDomain);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...inDomains] : [...inDomains, name];
}
