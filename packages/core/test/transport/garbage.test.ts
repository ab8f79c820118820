import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { closing, meshOf, rejection } from "../support/mesh.ts";

/** Says `answer` to whatever comes. */
async function rawServer(answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing({
    close: async () => {
      server.close();
    },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("an answer that is no HTTP", () => {
  it.each([
    ["something else entirely", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["a broken header", "HTTP/1.1 200 OK\r\nset-cookie: session=TOPSECRET\r\n\u0000bad: 1\r\n\r\n"],
    ["a broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nTOPSECRET\r\n"],
  ])("(%s) is a protocol error that shows none of its bytes", async (_, answer) => {
    const { mesh } = meshOf([await rawServer(answer)], { retry: false });
    const error = await rejection(mesh.service("orders").GET("/x"));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_PROTOCOL", flag: "UPE" });
    expect(inspect(error, { depth: 5 })).not.toContain("TOPSECRET");
  });
});
