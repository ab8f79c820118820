/**
 * Keeps responses as HTTP allows (RFC 9111): `cache-control`, `expires`, `vary`, validation by `etag` and `last-modified`,
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861); a successful POST, PUT, PATCH or DELETE makes it forget what is kept of the same URL.
 */
export interface CachePolicy {
  /**
   * `private`, the default, keeps the answers to each user (`authorization`, `cookie`) apart, and may keep what is meant for one user alone.
   * `shared` gives the answer to one user to another where HTTP lets a shared cache do that (`public`, `s-maxage`); cookies are kept apart even so.
   */
  readonly type?: "private" | "shared" | undefined;
  /** Responses that are kept, 1 to 1,000,000; 1,000 by default. The one that was used longest ago goes first. */
  readonly maxEntries?: number | undefined;
  /** Bytes that are kept in all, headers included, 1 to 2^40; 33,554,432 (32 MiB) by default. */
  readonly maxBytes?: number | undefined;
  /** Longer bodies are not kept, in bytes, 0 to 2^30; 1,048,576 by default. */
  readonly maxEntryBytes?: number | undefined;
}

/** {@link CachePolicy} with every field known. */
export interface ResolvedCache {
  readonly type: "private" | "shared";
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
}
