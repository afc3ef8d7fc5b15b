import { expect, test } from "vitest";
import { bodyOf, decoded, headOf } from "./list";

test.each([
  ["phone,Name,Order No\n+1,Ana,A-1\n+2,Bo,A-2", ["phone", "Name", "Order No"]],
  ["phone;Name;Order No\r\n+1;Ana;A-1\r\n", ["phone", "Name", "Order No"]],
  ["sep=;\nphone;Name;Order No\n+1;Ana;A-1", ["phone", "Name", "Order No"]],
  ["phone\tName\tOrder No\n\n+1\tAna\tA-1", ["phone", "Name", "Order No"]],
])("the columns of a list and its first customer: %j", (text, columns) => {
  expect(headOf(text)).toEqual({ columns, first: { phone: "+1", name: "Ana", "order no": "A-1" } });
});

test("a cell in quotes holds the delimiter, quotes and lines", () => {
  expect(headOf('phone,"Name, first"\n+1,"Ana ""the\nbaker"""')).toEqual({
    columns: ["phone", "Name, first"],
    first: { phone: "+1", "name, first": 'Ana "the\nbaker"' },
  });
});

test("a list with nothing in it has no columns", () => {
  expect(headOf("")).toEqual({ columns: [], first: {} });
  expect(headOf("phone,name")).toEqual({ columns: ["phone", "name"], first: {} });
});

test("a list is decoded as spreadsheets write it", () => {
  expect(decoded(new TextEncoder().encode("\ufeffJosé"))).toBe("José");
  expect(decoded(new Uint8Array([0xff, 0xfe, 0x41, 0x00, 0xe9, 0x00]))).toBe("Aé");
  expect(decoded(new Uint8Array([0x4a, 0x6f, 0x73, 0xe9]))).toBe("José");
});

test("contacts are asked for by the days since they wrote", () => {
  const day = 86_400_000;
  expect(bodyOf({ kind: "contacts", days: 30, optedIn: true, phonePrefix: "+55" }, 100 * day)).toEqual({
    contacts: { wrote_after: 70 * day, opted_in: true, phone_prefix: "+55" },
  });
  expect(bodyOf({ kind: "contacts", optedIn: false })).toEqual({
    contacts: { wrote_after: undefined, opted_in: false },
  });
});
