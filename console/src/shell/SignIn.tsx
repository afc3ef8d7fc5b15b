// Signs in with a one-time link or with the admin key. A link's token is in the URL fragment, so that it is
// never sent to a server or logged with an address.
import {
  Alert,
  Button,
  Center,
  Code,
  Divider,
  Loader,
  Paper,
  PasswordInput,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, useNavigate, useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "@/api/client";
import { queries } from "@/api/queries";
import { sessionQuery, signIn } from "@/api/session";
import { useTitle } from "@/parts/Page";
import { useReason } from "@/parts/States";
import { Mark } from "./Mark";
import { keepNext, takeNext, whenTaken } from "./next";

const route = getRouteApi("/sign-in");

/** Returns a function that leaves this page for the one that was wanted. */
function useEnter() {
  const router = useRouter();
  const navigate = useNavigate();
  const { next } = route.useSearch();
  return async () => {
    await router.invalidate();
    await navigate({ href: takeNext(next), replace: true });
  };
}

function useToken(enter: () => Promise<void>) {
  const [token] = useState(() => location.hash.slice(1));
  const [error, setError] = useState<unknown>();
  const tried = useRef(false);
  useEffect(() => {
    // A token can be used only once.
    if (!token || tried.current) return;
    tried.current = true;
    // Removes the token from the browser's history.
    history.replaceState(null, "", location.pathname + location.search);
    signIn(token).then(enter, setError);
  }, [token, enter]);
  return { token, error };
}

/** While this tab waits, another one may sign in. */
function useOtherTab(waits: boolean, enter: () => Promise<void>) {
  const { next } = route.useSearch();
  const act = useRef(enter);
  act.current = enter;
  useEffect(() => {
    if (!waits) return;
    keepNext(next);
    return whenTaken(() => {
      const session = queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
      session.then(
        (session) => session && act.current(),
        () => undefined,
      );
    });
  }, [waits, next]);
}

export function SignIn() {
  const { t } = useTranslation();
  const reason = useReason();
  const enter = useEnter();
  const { token, error } = useToken(enter);
  const waits = !token || !!error;
  useOtherTab(waits, enter);
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
              icon={<IconAlertTriangle aria-hidden />}
              title={refused ? t("signIn.refused") : undefined}
            >
              {refused ? t("signIn.refusedAbout") : reason(error)}
            </Alert>
          ) : (
            token && <Loader aria-label={t("state.loading")} />
          )}
          {waits && (
            <>
              <Text size="sm">{t("signIn.about")}</Text>
              <Code block>frontdesk sign-in</Code>
              <Text size="sm" c="dimmed">
                {t("signIn.make")}
              </Text>
              <Divider />
              <KeySignIn enter={enter} />
            </>
          )}
        </Stack>
      </Paper>
    </Center>
  );
}

/** For whom no terminal is at hand. The browser can keep the key. */
function KeySignIn({ enter }: { enter: () => Promise<void> }) {
  const { t } = useTranslation();
  const reason = useReason();
  const [key, setKey] = useState("");
  const send = useMutation({ mutationFn: () => signIn(key.trim()), onSuccess: enter });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) send.mutate();
  };
  const wrong = send.error instanceof Failure && send.error.status === 401;
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <PasswordInput
          label={t("signIn.key")}
          description={t("signIn.keyAbout")}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={send.error ? (wrong ? t("signIn.keyWrong") : reason(send.error)) : undefined}
          autoComplete="current-password"
          dir="ltr"
        />
        <Button type="submit" variant="default" loading={send.isPending} disabled={!key.trim()}>
          {t("signIn.go")}
        </Button>
      </Stack>
    </form>
  );
}
