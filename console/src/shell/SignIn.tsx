// Signs in with a one-time link. Its token is in the URL fragment, so that it is never sent to a server or
// logged with an address.
import { Alert, Center, Code, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useNavigate, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "@/api/client";
import { signIn } from "@/api/session";
import { useTitle } from "@/parts/Page";
import { useReason } from "@/parts/States";
import { Mark } from "./Mark";

/** The page to open after signing in: only a path of this console. */
function wanted(): string {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}

function useToken() {
  const [token] = useState(() => location.hash.slice(1));
  const router = useRouter();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>();
  const tried = useRef(false);
  useEffect(() => {
    // A token can be used only once.
    if (!token || tried.current) return;
    tried.current = true;
    // Removes the token from the browser's history.
    history.replaceState(null, "", location.pathname + location.search);
    signIn(token).then(async () => {
      await router.invalidate();
      await navigate({ href: wanted(), replace: true });
    }, setError);
  }, [token, router, navigate]);
  return { token, error };
}

export function SignIn() {
  const { t } = useTranslation();
  const reason = useReason();
  const { token, error } = useToken();
  useTitle(t("signIn.title"));
  const refused = error instanceof Failure && error.status === 401;
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" radius="lg" maw={440} w="100%">
        <Stack>
          <Mark />
          <Title order={1}>{t("signIn.title")}</Title>
          {error ? (
            <Alert
              color="red"
              role="alert"
              icon={<IconAlertTriangle aria-hidden />}
              title={t(refused ? "signIn.refused" : "error.title")}
            >
              {refused ? t("signIn.refusedAbout") : reason(error)}
            </Alert>
          ) : (
            token && <Loader aria-label={t("state.loading")} />
          )}
          {(!token || !!error) && (
            <>
              <Text size="sm">{t("signIn.about")}</Text>
              <Code block>frontdesk sign-in</Code>
              <Text size="sm" c="dimmed">
                {t("signIn.make")}
              </Text>
            </>
          )}
        </Stack>
      </Paper>
    </Center>
  );
}
