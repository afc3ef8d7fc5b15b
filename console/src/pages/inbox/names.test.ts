import { expect, test } from "vitest";
import { namesOf } from "./names";

test("a number has the name that customers see, and its phone where two have the same one", () => {
  const names = namesOf([
    { slug: "main", display: "+1 555", verified_name: "Harbour Books" },
    { slug: "north", display: "+1 556", verified_name: "Harbour Cafe" },
    { slug: "south", display: "+1 557", verified_name: "Harbour Cafe" },
    { slug: "practice", display: null, verified_name: null },
  ]);
  expect([...names.values()]).toEqual(["Harbour Books", "+1 556", "+1 557", "practice"]);
});
