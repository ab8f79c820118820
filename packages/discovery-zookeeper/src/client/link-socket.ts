import { connect as netConnect, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";

import { SourceError, tlsConnectOptions } from "@proxyless/core/discovery";
import type { RegistryTls } from "@proxyless/core/discovery";

import type { ServerAddress } from "./addresses.ts";

const keepAliveProbeMs = 15_000;

/** Opens a socket to a server that never keeps the process alive; `onReady` is called when it can be written to. */
export function openSocket(
  { host, port }: ServerAddress,
  tls: RegistryTls | undefined,
  onReady: () => void,
): Socket {
  const where = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs };
  let socket: Socket;
  if (tls === undefined) {
    socket = netConnect(where, onReady);
  } else {
    const options = tlsConnectOptions(tls);
    // A name is sent and verified; an address is only verified.
    const servername = options.servername ?? (isIP(host) === 0 ? host : "");
    socket = tlsConnect({ ...where, ...options, servername }, onReady);
  }
  socket.unref();
  return socket;
}

/** Certificates that do not fit need a human; every other failure of a connection may pass by itself. */
export function socketError(where: string, error: Error): SourceError {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const isTrust = /^ERR_(TLS|SSL)_|CERT|UNABLE_TO_(GET|VERIFY)/.test(code);
  // Several addresses of one name fail together, and their common error has no message.
  const message = error.message === "" ? code : error.message;
  return new SourceError(isTrust ? "auth" : "transient", `ZooKeeper at ${where}: ${message}`, {
    cause: error,
  });
}
