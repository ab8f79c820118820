import type { Transform } from "node:stream";
import zlib from "node:zlib";

/** Whether this content coding can be undone. */
export function isKnownCoding(coding: string): boolean {
  return (
    coding === "gzip" ||
    coding === "x-gzip" ||
    coding === "deflate" ||
    coding === "br" ||
    // From Node 22.15 on.
    (coding === "zstd" && typeof zlib.createZstdDecompress === "function")
  );
}

/**
 * Undoes a known content coding, and gives out at once what the bytes so far hold.
 * @param first the first bytes, for the kind of deflate shows in them; they are still to be written
 * @param end `whole`: bytes that end too early are an error; `anywhere`: they are not
 */
export function undoCoding(coding: string, first: Buffer, end: "whole" | "anywhere"): Transform {
  const { constants } = zlib;
  const flush = constants.Z_SYNC_FLUSH;
  const deflate = { flush, finishFlush: end === "whole" ? constants.Z_FINISH : flush };
  switch (coding) {
    case "br":
      return zlib.createBrotliDecompress({
        flush: constants.BROTLI_OPERATION_FLUSH,
        finishFlush: end === "whole" ? constants.BROTLI_OPERATION_FINISH : constants.BROTLI_OPERATION_FLUSH,
      });
    case "zstd":
      return zlib.createZstdDecompress({
        // RFC 9659: no window above 8 MiB.
        params: { [constants.ZSTD_d_windowLogMax]: 23 },
      });
    case "deflate":
      // Some servers send the bare format without zlib's header, whose first byte ends in 8.
      return ((first[0] ?? 0) & 0x0f) === 8 ? zlib.createInflate(deflate) : zlib.createInflateRaw(deflate);
    default:
      return zlib.createGunzip(deflate);
  }
}
