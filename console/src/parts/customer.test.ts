import { expect, test } from "vitest";
import { customerName } from "./customer";

test("a customer has a name, a phone number, another id or none", () => {
  expect(customerName({ contact_name: "Ana", wa_id: "351910000101" }, "nobody")).toBe("Ana");
  expect(customerName({ contact_name: "", wa_id: "351910000101" }, "nobody")).toBe("+351910000101");
  expect(customerName({ contact_name: null, wa_id: "BR.1393" }, "nobody")).toBe("BR.1393");
  expect(customerName({ contact_name: null, wa_id: null, bsuid: "BR.1393", lid: "201" }, "nobody")).toBe(
    "BR.1393",
  );
  expect(customerName({ contact_name: null, wa_id: null, bsuid: null, lid: "201" }, "nobody")).toBe("201");
  expect(customerName({ contact_name: null, wa_id: null }, "nobody")).toBe("nobody");
});
