// A page whose code is loaded when it is first opened. Where the code cannot be fetched, the page says so and
// opens once the server answers. The router's own `lazyRouteComponent` reloads the window instead, which ends
// in the browser's error page when the server is down.
import { Alert, Box, Button, Group, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import type { RouteComponent } from "@tanstack/react-router";
import { createElement, type FunctionComponent, use, useEffect, useReducer } from "react";
import { useTranslation } from "react-i18next";
import { useLine } from "@/api/live";
import { answers, renew } from "@/api/server";

const isPage = (value: unknown): value is FunctionComponent => typeof value === "function";

type Code = {
  page?: FunctionComponent;
  /** Whether the last attempt failed. */
  failed: boolean;
  preload: () => Promise<void>;
};

/** The page that a module exports by this name. Its type stays unknown: it depends on the routes' types. */
export function lazyPage<Name extends string>(
  load: () => Promise<{ [Key in Name]: unknown }>,
  name: Name,
): RouteComponent {
  let loading: Promise<void> | undefined;
  const attempt = async () => {
    try {
      const exported = (await load())[name];
      if (isPage(exported)) code.page = exported;
    } catch {
      code.failed = true;
    }
    loading = undefined;
  };
  const preload = () => {
    loading ??= attempt();
    return loading;
  };
  const code: Code = { failed: false, preload };
  return Object.assign(() => <LazyPage code={code} />, { preload });
}

function LazyPage({ code }: { code: Code }) {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  if (!code.page && !code.failed) use(code.preload());
  if (code.page) return createElement(code.page);
  const again = async () => {
    await code.preload();
    if (code.page) redraw();
    return !!code.page;
  };
  return <MissingPage again={again} />;
}

/** Shown in place of a page whose code is missing. `again` returns whether it has arrived. */
function MissingPage({ again }: { again: () => Promise<boolean> }) {
  const { t } = useTranslation();
  const line = useLine();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a connection that is back is a reason to try at once.
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const attempt = async (wait: number) => {
      if (await again()) return;
      // The server answers, but not with this file; or the browser remembers that it could not be fetched.
      if (!over && (await answers()) && !over) renew();
      if (!over) timer = setTimeout(() => void attempt(Math.min(wait * 2, 15_000)), wait);
    };
    void attempt(1_000);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [line]);
  return (
    <Box p="xl" maw={720} mx="auto">
      <Alert color="orange" icon={<IconPlugConnectedX aria-hidden />} title={t("missing.title")}>
        <Group justify="space-between" align="flex-end">
          <Text size="sm">{t("missing.about")}</Text>
          <Button size="xs" variant="default" onClick={() => void again()}>
            {t("action.retry")}
          </Button>
        </Group>
      </Alert>
    </Box>
  );
}
