// Which addresses a provider can call.
import { expect, test } from "vitest";
import { host, reach } from "./reach";

test.each([
  ["http://localhost:8080/webhooks/meta", "private"],
  ["https://127.0.0.1/webhooks/meta", "private"],
  ["http://192.168.1.7:8080/x", "private"],
  ["https://172.20.0.3/x", "private"],
  ["http://[::1]:8080/x", "private"],
  ["https://[fd00::1]/x", "private"],
  ["http://desk:8080/x", "private"],
  ["https://desk.local/x", "private"],
  ["not an address", "private"],
  ["http://desk.example.com/x", "plain"],
  ["https://desk.example.com/x", "public"],
  ["https://172.32.0.3/x", "public"],
  ["https://localhost.example.com/x", "public"],
  ["https://[2a01:4f8::1]/x", "public"],
] as const)("%s is %s", (address, expected) => {
  expect(reach(address)).toBe(expected);
});

test("the host keeps its port", () => {
  expect(host("http://localhost:8080/webhooks/meta")).toBe("localhost:8080");
});
