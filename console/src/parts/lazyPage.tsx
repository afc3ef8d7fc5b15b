// A page whose code is loaded when it is first opened. Where the code cannot be fetched, the page says so and
// opens once the server answers. The router's own `lazyRouteComponent` reloads the window instead, which ends
// in the browser's error page when the server is down.
import { Box } from "@mantine/core";
import type { RouteComponent } from "@tanstack/react-router";
import { createElement, type FunctionComponent } from "react";
import { type Code, codeFrom, MissingCode, useCode } from "./lazyCode";

const isPage = (value: unknown): value is FunctionComponent => typeof value === "function";

/** The page that a module exports by this name. Its type stays unknown: it depends on the routes' types. */
export function lazyPage<Name extends string>(
  load: () => Promise<{ [Key in Name]: unknown }>,
  name: Name,
): RouteComponent {
  const code = codeFrom<object>(async () => {
    const exported = (await load())[name];
    if (!isPage(exported)) throw new TypeError(name);
    return exported;
  });
  return Object.assign(() => <LazyPage code={code} />, { preload: code.preload });
}

function LazyPage({ code }: { code: Code<object> }) {
  const { component, again } = useCode(code);
  if (component) return createElement(component);
  return (
    <Box p="xl" maw={720} mx="auto">
      <MissingCode again={again} />
    </Box>
  );
}
