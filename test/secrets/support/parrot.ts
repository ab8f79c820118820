import { createServer } from "node:http";

import { onTestFinished } from "vitest";

import { listening } from "../../telemetry/support/listening.ts";

/** A registry that repeats everything that it was told, whatever it answers. @returns its URL */
export async function parrot(status: number, heard: string[]): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const said = `${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`;
      heard.push(said);
      response.writeHead(status, { "content-type": "application/json", "x-said": encodeURIComponent(said) });
      response.end(JSON.stringify({ message: said, error: said, code: status }));
    });
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await listening(server)}`;
}
