import { createMesh, memorySource } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { createDashboard } from "../src/index.ts";

const mesh = createMesh({ discovery: memorySource() });

function refusal(options: object): string {
  try {
    createDashboard({ mesh, ...options });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

describe("the options of a dashboard", () => {
  it.each([
    [{ mesh: {} }, "mesh"],
    [{ path: "mesh" }, "path"],
    [{ path: "/mesh/" }, "path"],
    [{ path: "/" }, "path"],
    [{ path: "/a b" }, "path"],
    [{ token: "short" }, "token"],
    [{ token: "with a space in it" }, "token"],
    [{ allowedHosts: "internal" }, "allowedHosts"],
    [{ allowedHosts: ["http://internal"] }, "allowedHosts[0]"],
    [{ allowedHosts: ["ok", "internal:80"] }, "allowedHosts[1]"],
    [{ allowedHosts: ["*"] }, "allowedHosts[0]"],
    [{ title: "" }, "title"],
    [{ maxWatchers: 0 }, "maxWatchers"],
    [{ maxWatchers: 1.5 }, "maxWatchers"],
    [{ pth: "/x" }, "pth"],
  ])("%j are refused, naming %s", (options, field) => {
    expect(refusal(options)).toContain(`${field} must be`);
  });

  it("does not show a token that it refuses", () => {
    expect(refusal({ token: "s3cret" })).not.toContain("s3cret");
  });

  it("takes what is legal", () => {
    expect(
      refusal({ path: "/a/b-c", token: "0123456789abcdef", allowedHosts: ["x.y", "*.z"], title: "t" }),
    ).toBe("");
  });
});
