import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import { SourceError } from "@proxyless/core/discovery";

/**
 * Reads a whole file that may be replaced or written to at any moment.
 * @throws SourceError `transient` when it is not there or cannot be read, `data` when it is no regular file or too large
 */
export async function readWhole(path: string, maxBytes: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    // Otherwise opening a named pipe waits for somebody to write into it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = await statOf(handle, path);
    if (size > maxBytes) throw tooLarge(path, size, maxBytes);
    // One byte more shows whether it grew meanwhile.
    const buffer = Buffer.alloc(size + 1);
    let length = 0;
    for (;;) {
      // eslint-disable-next-line no-await-in-loop -- the file is read in order
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, length);
      if (length > size) throw new SourceError("data", `${path} grew while it was read`);
    }
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new SourceError("transient", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

/** An error's code where it has one, else its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}

async function statOf(handle: FileHandle, path: string): Promise<{ readonly size: number }> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new SourceError("data", `${path} is no regular file`);
  return stat;
}

function tooLarge(path: string, size: number, maxBytes: number): SourceError {
  return new SourceError("data", `${path} has ${size} bytes, more than ${maxBytes}`);
}
