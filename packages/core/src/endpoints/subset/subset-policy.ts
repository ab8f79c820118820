import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";

/**
 * Where a service has very many endpoints a process connects to some of them only. `rendezvous` needs no coordination and
 * hardly changes when the list does; `aperture` loads all endpoints alike, and needs the mesh's `ordinal`.
 */
export interface SubsetPolicy {
  /** `aperture` where the mesh has an ordinal, else `rendezvous`. */
  readonly type?: "rendezvous" | "aperture" | undefined;
  /** Endpoints of each priority that are used, 1 to 1,000,000; 64 by default, and 12 at the least is advised. */
  readonly size?: number | undefined;
}

/** {@link SubsetPolicy} with every field known. */
export interface ResolvedSubset {
  readonly type: "rendezvous" | "aperture";
  readonly size: number;
  /** Nobody asked for it: balancers that keep keys to endpoints do without. */
  readonly isDefault?: boolean;
}

/**
 * @param input what the user wrote; `undefined` for the default, `false` for none
 * @param hasOrdinal whether the mesh knows which of its callers it is
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveSubset(input: unknown, path: string, hasOrdinal: boolean): ResolvedSubset | false {
  if (input === false) return false;
  const given = checkObject(input, path, ["type", "size"], true);
  const size = checkNumber(given["size"], fieldPath(path, "size"), { min: 1, max: 1_000_000, integer: true });
  const type = given["type"] ?? (hasOrdinal ? "aperture" : "rendezvous");
  if (type !== "rendezvous" && type !== "aperture") {
    throw configError(fieldPath(path, "type"), '"rendezvous" or "aperture"', type);
  }
  if (type === "aperture" && !hasOrdinal) {
    throw configError("ordinal", `given where ${fieldPath(path, "type")} is "aperture"`, undefined);
  }
  return Object.freeze({ type, size: size ?? 64, isDefault: input === undefined });
}
