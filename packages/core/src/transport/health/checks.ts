import { connect } from "node:http2";
import type { Socket } from "node:net";

import { Client } from "undici";
import type { buildConnector } from "undici";

import type { ResolvedHealthCheck } from "../../endpoints/health-check/health-check-policy.ts";
import { checkRequest, servingProblem } from "./grpc-health.ts";

/** Where and how an endpoint is checked. */
export interface CheckTarget {
  /** `http://10.0.0.1:8080`. */
  readonly origin: string;
  /** What goes into the `host` header. */
  readonly host: string;
  readonly connector: buildConnector.connector;
}

/** A health endpoint has little to say; more is not read. */
const MAX_BODY = 64 * 1024;

/**
 * Makes one health check over a connection of its own: a pool that is full of calls must not look like an endpoint that is dead.
 * @returns what is wrong; undefined when nothing is. Also rejects with what is wrong.
 */
export function checkHealth(
  target: CheckTarget,
  policy: ResolvedHealthCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (policy.type === "http") return checkHttp(target, policy, signal);
  return policy.type === "tcp" ? checkTcp(target, signal) : checkGrpc(target, policy, signal);
}

async function checkHttp(
  { connector, host, origin }: CheckTarget,
  { expectedStatuses, method, path }: ResolvedHealthCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  const client = new Client(origin, { connect: connector, headersTimeout: 0, bodyTimeout: 0 });
  try {
    const headers = { host, "user-agent": "proxyless-health-check" };
    const { body, statusCode } = await client.request({ path, method, headers, signal });
    await body.dump({ limit: MAX_BODY, signal });
    return expectedStatuses.includes(statusCode)
      ? undefined
      : `${method} ${path} was answered with ${statusCode}`;
  } finally {
    await client.destroy();
  }
}

async function checkTcp(target: CheckTarget, signal: AbortSignal): Promise<string | undefined> {
  (await openSocket(target, signal)).destroy();
  return undefined;
}

async function checkGrpc(
  target: CheckTarget,
  { service }: ResolvedHealthCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  const socket = await openSocket(target, signal);
  const session = connect(target.origin, { createConnection: () => socket });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      session.on("close", () => {
        reject(new Error("the connection was closed"));
      });
      signal.addEventListener(
        "abort",
        () => {
          session.destroy();
        },
        { once: true },
      );
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": target.host,
        "content-type": "application/grpc",
        te: "trailers",
      });
      const chunks: Buffer[] = [];
      let size = 0;
      let httpStatus: unknown;
      let grpcStatus: unknown;
      stream.on("response", (headers) => {
        httpStatus = headers[":status"];
        grpcStatus = headers["grpc-status"];
      });
      stream.on("trailers", (trailers) => {
        grpcStatus = trailers["grpc-status"];
      });
      stream.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BODY) stream.close();
        else chunks.push(chunk);
      });
      stream.on("error", reject);
      stream.on("close", () => {
        if (httpStatus !== 200) resolve(`HTTP status ${String(httpStatus)} instead of 200`);
        else if (Number(grpcStatus) === 0) resolve(servingProblem(Buffer.concat(chunks)));
        else resolve(`gRPC status ${String(grpcStatus)}`);
      });
      stream.end(checkRequest(service));
    });
  } finally {
    session.destroy();
    socket.destroy();
  }
}

function openSocket({ connector, origin }: CheckTarget, signal: AbortSignal): Promise<Socket> {
  const { host, hostname, port, protocol } = new URL(origin);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const options = { hostname, host, protocol, port: port === "" ? defaultPort(protocol) : port };
    connector(options, (error, socket) => {
      signal.removeEventListener("abort", onAbort);
      if (error !== null) reject(error);
      else if (signal.aborted) socket.destroy();
      else resolve(socket);
    });
  });
}

function defaultPort(protocol: string): string {
  return protocol === "https:" ? "443" : "80";
}
