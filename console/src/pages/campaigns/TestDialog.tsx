// Sends the first recipient's message to the user's own phone.
import { Alert, Anchor, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure } from "@/api/client";
import { FormEnd } from "@/parts/FormEnd";
import { useRequestKeys } from "@/parts/requestKey";
import { useReason } from "@/parts/States";
import type { Campaign } from "./campaign";
import { ExampleMessage } from "./ExampleMessage";

type Props = { campaign: Campaign; opened: boolean; onClose: () => void };

export function TestDialog({ campaign, opened, onClose }: Props) {
  const { t } = useTranslation("campaigns");
  const reason = useReason();
  const keys = useRequestKeys();
  const [phone, setPhone] = useState("");
  const [isAsked, setAsked] = useState(false);
  const testing = $api.useMutation("post", "/api/v1/campaigns/{id}/test", { onSuccess: keys.renew });
  const { error, data } = testing;
  const isPhoneWrong = error instanceof Failure && error.problem?.code === "wrong_phone";
  const send = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    const body = { phone: phone.trim() };
    if (!body.phone || testing.isPending) return;
    testing.mutate({
      params: { path: { id: campaign.id }, header: { "Idempotency-Key": keys.keyOf(body) } },
      body,
    });
  };
  return (
    <Modal opened={opened} onClose={onClose} title={t("test.title")} size="lg">
      <form onSubmit={send} noValidate>
        <Stack>
          <Text size="sm">{t("test.about")}</Text>
          <ExampleMessage campaign={campaign} title={t("example.title")} />
          <TextInput
            label={t("test.phone")}
            description={t("test.phoneAbout")}
            type="tel"
            autoComplete="tel"
            dir="ltr"
            maxLength={40}
            required
            data-autofocus
            value={phone}
            onChange={(event) => {
              setPhone(event.currentTarget.value);
              if (isPhoneWrong || data) testing.reset();
            }}
            error={isPhoneWrong ? reason(error) : isAsked && !phone.trim() && t("test.missing")}
          />
          {data && (
            <Alert color="teal" role="status" icon={<IconCircleCheck aria-hidden />}>
              {t("test.done")}{" "}
              <Anchor
                inherit
                c="inherit"
                underline="always"
                renderRoot={(props) => (
                  <Link to="/inbox/$id" params={{ id: data.conversation.id }} {...props} />
                )}
              >
                {t("test.open")}
              </Anchor>
            </Alert>
          )}
          <FormEnd
            yes={t("test.yes")}
            close={onClose}
            busy={testing.isPending}
            error={isPhoneWrong ? undefined : error}
          />
        </Stack>
      </form>
    </Modal>
  );
}
