import { readFile } from "node:fs/promises";

import { credentials } from "@grpc/grpc-js";
import type { ChannelCredentials } from "@grpc/grpc-js";
import { SourceError } from "@proxyless/core/discovery";

import type { WatchedFiles } from "./bootstrap-credentials.ts";
import type { XdsServer } from "./bootstrap.ts";

/**
 * The credentials of the next connection to a server. Certificate files are read for each, so that a connection is made
 * with what stands in them then, however often they are renewed.
 * @param provided files that take the place of the server's own
 * @throws SourceError of class `auth` for files that cannot be read or hold no certificates
 */
export async function channelCredentials(
  { security, uri }: XdsServer,
  provided: WatchedFiles | undefined,
): Promise<ChannelCredentials> {
  if (security.type === "insecure") return credentials.createInsecure();
  const { caFile, certificateFile, keyFile } = provided ?? security.files;
  const [ca, certificate, key] = await Promise.all([read(caFile), read(certificateFile), read(keyFile)]);
  try {
    // Verification is said aloud, so that no environment variable can turn it off.
    return credentials.createSsl(ca, key, certificate, { rejectUnauthorized: true });
  } catch (error) {
    throw new SourceError("auth", `xDS server ${uri}: the certificate files make no sense`, { cause: error });
  }
}

async function read(file: string | undefined): Promise<Buffer | null> {
  if (file === undefined) return null;
  try {
    return await readFile(file);
  } catch (error) {
    throw new SourceError("auth", `cannot read the certificate file ${file}`, { cause: error });
  }
}
