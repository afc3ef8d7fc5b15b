// Loading, error and empty states.
import { Alert, Button, Center, Group, Stack, Text, ThemeIcon, VisuallyHidden } from "@mantine/core";
import { IconAlertTriangle, IconInbox, IconPlugConnectedX } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Failure, type Problem } from "@/api/client";
import { useLate } from "./late";
import { Outline, type Shape } from "./Skeletons";

/**
 * Returns a function that words a problem. In English the server's own words are used, because they say more.
 */
export function useProblem() {
  const { t, i18n } = useTranslation();
  return (detail: string, code: Problem["code"]): string =>
    // A newer server may send a code that this page does not know.
    code && i18n.language !== "en" ? t(`problem.${code}`, { defaultValue: detail }) : detail;
}

/** Returns a function that describes an error to the user. */
export function useReason() {
  const { t } = useTranslation();
  const worded = useProblem();
  return (error: unknown): string => {
    if (error instanceof Failure)
      return error.status === 0 ? t("error.unreachable") : worded(error.message, error.problem?.code);
    return error instanceof Error && error.message ? error.message : t("error.unknown");
  };
}

type LoadingProps = {
  shape?: Shape;
  rows?: number;
  /** The outline, when no shape fits. */
  children?: ReactNode;
};

/** Shown while data loads: its outline for the eyes, one word for a screen reader. Its room is kept from the start. */
export function Loading({ shape = "rows", rows = 4, children }: LoadingProps) {
  const { t } = useTranslation();
  const late = useLate();
  return (
    <div>
      <VisuallyHidden role="status">{t("state.loading")}</VisuallyHidden>
      <div className="late" style={{ animationDelay: `${late}ms` }} aria-hidden aria-busy>
        {children ?? <Outline shape={shape} rows={rows} />}
      </div>
    </div>
  );
}

/** Shown when loading or an action failed; `again` retries. */
export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  const reason = useReason();
  const unreachable = error instanceof Failure && error.status === 0;
  return (
    <Alert
      color="red"
      icon={unreachable ? <IconPlugConnectedX aria-hidden /> : <IconAlertTriangle aria-hidden />}
    >
      <Group justify="space-between" align="flex-end">
        <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>
          {reason(error)}
        </Text>
        {again && (
          <Button size="xs" variant="default" onClick={again}>
            {t("action.retry")}
          </Button>
        )}
      </Group>
    </Alert>
  );
}

type EmptyProps = { title: string; children?: ReactNode; action?: ReactNode; icon?: ReactNode };

/** Shown when a list is empty, with how to begin. */
export function Empty({ title, children, action, icon }: EmptyProps) {
  return (
    <Center py="xl">
      <Stack align="center" gap="xs" maw={440} ta="center">
        <ThemeIcon size={44} radius="xl" variant="light" color="gray" aria-hidden>
          {icon ?? <IconInbox />}
        </ThemeIcon>
        <Text fw={600}>{title}</Text>
        {children && (
          <Text size="sm" c="dimmed" component="div">
            {children}
          </Text>
        )}
        {action}
      </Stack>
    </Center>
  );
}

type AsyncProps<T> = {
  query: Pick<UseQueryResult<T, unknown>, "data" | "error" | "isPending"> & { refetch: () => unknown };
  /** Shown when `isEmpty` returns true. */
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  /** The outline while it loads. */
  shape?: Shape;
  rows?: number;
  outline?: ReactNode;
  children: (data: T) => ReactNode;
};

/**
 * Renders a query's data and its other states. Loaded data stays visible when a reload fails. While a part of it loads
 * its texts, the page around it stays.
 */
export function Async<T>({ query, empty, isEmpty, shape, rows, outline, children }: AsyncProps<T>) {
  const loading = (
    <Loading shape={shape} rows={rows}>
      {outline}
    </Loading>
  );
  if (query.data !== undefined) {
    const none = isEmpty ? isEmpty(query.data) : Array.isArray(query.data) && query.data.length === 0;
    return <Suspense fallback={loading}>{none && empty ? empty : children(query.data)}</Suspense>;
  }
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  return loading;
}
