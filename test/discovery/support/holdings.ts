import { readdir, readFile, readlink } from "node:fs/promises";

/** What a process holds of the system, beside connections. */
export interface Holdings {
  readonly udpSockets: number;
  /** Watches of files and folders (inotify). */
  readonly fileWatches: number;
}

/**
 * What this process holds now, as Linux says: what Node counts leaves out all that does not keep a process alive, and
 * nothing of a source does.
 */
export async function holdings(): Promise<Holdings> {
  const [four, six] = await Promise.all([read("/proc/self/net/udp"), read("/proc/self/net/udp6")]);
  const udp = new Set(`${four}\n${six}`.split("\n").map((line) => line.trim().split(/\s+/)[9]));
  let udpSockets = 0;
  let fileWatches = 0;
  const descriptors = await readdir("/proc/self/fd");
  await Promise.all(
    descriptors.map(async (descriptor) => {
      const target = await readlink(`/proc/self/fd/${descriptor}`).catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && udp.has(inode)) udpSockets++;
      if (target !== "anon_inode:inotify") return;
      const watches = (await read(`/proc/self/fdinfo/${descriptor}`)).match(/^inotify wd:/gm);
      fileWatches += watches?.length ?? 0;
    }),
  );
  return { udpSockets, fileWatches };
}

function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
