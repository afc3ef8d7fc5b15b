// Code that is loaded when it is first needed. Where it cannot be fetched, what stands in its place says so and
// tries again once the server answers: a `lazy` of React would remember the failure.
import { Alert, Button, Group, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { createElement, type FunctionComponent, use, useEffect, useReducer } from "react";
import { useTranslation } from "react-i18next";
import { useLine } from "@/api/live";
import { answers, renew } from "@/api/server";

export type Code<Props> = {
  component?: FunctionComponent<Props>;
  /** Whether the last attempt failed. */
  failed: boolean;
  /** Resolves in any case, so that the router need not handle a failure. */
  preload: () => Promise<void>;
};

export function codeFrom<Props>(load: () => Promise<FunctionComponent<Props>>): Code<Props> {
  let loading: Promise<void> | undefined;
  const attempt = async () => {
    try {
      code.component = await load();
    } catch {
      code.failed = true;
    }
    loading = undefined;
  };
  const preload = () => {
    loading ??= attempt();
    return loading;
  };
  const code: Code<Props> = { failed: false, preload };
  return code;
}

/** The component, or undefined where it is missing; `again` returns whether it has arrived. Suspends meanwhile. */
export function useCode<Props>(code: Code<Props>) {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  if (!code.component && !code.failed) use(code.preload());
  const again = async () => {
    await code.preload();
    if (code.component) redraw();
    return !!code.component;
  };
  return { component: code.component, again };
}

/** A part of a page, such as a tab. The page's `Suspense` shows what stands there meanwhile. */
export function lazyPart<Props extends object>(load: () => Promise<FunctionComponent<Props>>) {
  const code = codeFrom(load);
  return (props: Props) => <LazyPart code={code} props={props} />;
}

function LazyPart<Props extends object>({ code, props }: { code: Code<Props>; props: Props }) {
  const { component, again } = useCode(code);
  return component ? createElement(component, props) : <MissingCode again={again} />;
}

/** Shown in place of what is missing. `again` returns whether it has arrived. */
export function MissingCode({ again }: { again: () => Promise<boolean> }) {
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
    <Alert color="orange" icon={<IconPlugConnectedX aria-hidden />} title={t("missing.title")}>
      <Group justify="space-between" align="flex-end">
        <Text size="sm">{t("missing.about")}</Text>
        <Button size="xs" variant="default" onClick={() => void again()}>
          {t("action.retry")}
        </Button>
      </Group>
    </Alert>
  );
}
