import { expect, it } from "vitest";

import { readHost, readPort } from "../../src/discovery/host.ts";

it.each([
  ["orders.example", "orders.example"],
  ["10.0.0.1", "10.0.0.1"],
  ["fd00::1", "fd00::1"],
  ["[fd00::1]", "fd00::1"],
  ["my_host", "my_host"],
  ["", undefined],
  ["[]", undefined],
  ["a b", undefined],
  ["a/b", undefined],
  ["user@host", undefined],
  ["host:80", undefined],
  ["-x", undefined],
  ["x".repeat(254), undefined],
  [7, undefined],
  [undefined, undefined],
])("reads the host %j as %j", (value, host) => {
  expect(readHost(value)).toBe(host);
});

it.each([
  [80, 80],
  ["8080", 8080],
  [65_535, 65_535],
  [0, undefined],
  [65_536, undefined],
  [80.5, undefined],
  [Number.NaN, undefined],
  ["", undefined],
  [" 80", undefined],
  ["0x50", undefined],
  ["099999", undefined],
  [null, undefined],
])("reads the port %j as %j", (value, port) => {
  expect(readPort(value)).toBe(port);
});
