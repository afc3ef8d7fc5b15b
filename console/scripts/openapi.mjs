// Validates the server's OpenAPI document with two validators: OpenAPI's own JSON Schema, and Redocly's types.
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { document } from "./document.mjs";

const source = document();
const errors = [];

const { valid, errors: wrong } = await new Validator().validate(JSON.parse(source));
if (!valid) {
  const said = (error) => (error.message ? `${error.instancePath ?? ""} ${error.message}` : String(error));
  errors.push(...[wrong].flat().map(said));
}

const config = await createConfig({ rules: { struct: "error", "no-unresolved-refs": "error" } });
const found = await lintFromString({ source, absoluteRef: "openapi.json", config });
errors.push(...found.map((it) => `${it.location[0]?.pointer ?? ""} ${it.ruleId}: ${it.message}`));

for (const error of errors) console.error(`openapi: ${error}`);
if (errors.length > 0) process.exit(1);
