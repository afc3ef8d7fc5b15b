// What the phone needs to be linked: a QR code that changes by itself or a code to type, with the steps on the phone.
import {
  Box,
  Button,
  Code,
  CopyButton,
  Group,
  List,
  Loader,
  Modal,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Failed, useReason } from "@/parts/States";
import { Finding, LevelAlert } from "./Level";
import { codeHalves, isPairing, linkLevel, pictureAddress } from "./link";
import { useLinkWords } from "./linkWords";
import type { PairingControl } from "./usePairing";

type Props = { name: string; pairing: PairingControl; opened: boolean; onClose: () => void };

export function PairingDialog({ name, pairing, opened, onClose }: Props) {
  const { t } = useTranslation("numbers");
  const isNarrow = useMediaQuery("(max-width: 48em)");
  const { progress, refusal, trouble, isBusy, begin } = pairing;
  const level = progress && !isPairing(progress) ? linkLevel(progress) : undefined;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("link.panel", { name })}
      size="lg"
      fullScreen={isNarrow}
    >
      <Stack data-testid="pairing">
        {!!refusal && !progress && !isBusy && <Failed error={refusal} again={() => begin()} />}
        {progress && level && <PairingEnd progress={progress} level={level} begin={() => begin()} />}
        {(isBusy || (progress && isPairing(progress))) && <Codes progress={progress} />}
        {!!trouble && <Failed error={trouble} />}
        {progress && isPairing(progress) && <PhoneForm pairing={pairing} />}
      </Stack>
    </Modal>
  );
}

type EndProps = {
  progress: Schemas["NumberPairing"];
  level: NonNullable<ReturnType<typeof linkLevel>>;
  begin: () => void;
};

function PairingEnd({ progress, level, begin }: EndProps) {
  const { t } = useTranslation("numbers");
  const { why, todo } = useLinkWords()(progress);
  return (
    <LevelAlert level={level} title={t("link.ended")}>
      <Finding title={why || t(`link.state.${progress.state}`, { defaultValue: progress.state })} todo={todo}>
        <Button size="xs" variant="default" mt={6} onClick={begin} data-autofocus>
          {t("link.begin")}
        </Button>
      </Finding>
    </LevelAlert>
  );
}

function Codes({ progress }: { progress?: Schemas["NumberPairing"] }) {
  const { t } = useTranslation("numbers");
  const { qr, code } = progress ?? {};
  return (
    <Group align="flex-start" justify="center" gap="lg">
      {/* A camera reads dark on light alone, in a dark page, too. */}
      <Box bg="white" w={280} h={280} p={8} style={{ borderRadius: "var(--mantine-radius-md)" }}>
        {qr ? (
          <img src={pictureAddress(qr)} alt={t("link.qr")} width={264} height={264} />
        ) : (
          <Group justify="center" h="100%">
            <Loader aria-hidden />
          </Group>
        )}
      </Box>
      <Stack flex="1 1 220px" gap="sm">
        <Text size="sm" fw={600} role="status">
          {t(qr ? (code ? "link.scanOrType" : "link.scan") : "link.waiting")}
        </Text>
        <div aria-live="polite">{code && <TypedCode code={code} />}</div>
        <List type="ordered" size="sm" spacing={4}>
          <List.Item>{t("link.step.open")}</List.Item>
          <List.Item>{t("link.step.devices")}</List.Item>
          <List.Item>{t(code ? "link.step.type" : "link.step.scan")}</List.Item>
        </List>
        <Text size="sm" c="dimmed">
          {t("link.renewed")}
        </Text>
      </Stack>
    </Group>
  );
}

function TypedCode({ code }: { code: string }) {
  const { t } = useTranslation(["numbers", "common"]);
  return (
    <Stack gap={6} align="flex-start">
      <Text size="sm" fw={500}>
        {t("link.code")}
      </Text>
      <Code fz="figure" fw={600} dir="ltr" data-testid="code">
        {codeHalves(code)}
      </Code>
      <CopyButton value={code}>
        {({ copied, copy }) => (
          <Button
            size="xs"
            variant="default"
            leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
            onClick={copy}
          >
            {t(copied ? "common:action.copied" : "common:action.copy")}
          </Button>
        )}
      </CopyButton>
    </Stack>
  );
}

/** Asks for a code to type, for a phone that cannot scan. */
function PhoneForm({ pairing: { progress, refusal, isBusy, begin } }: Pick<Props, "pairing">) {
  const { t } = useTranslation("numbers");
  const reason = useReason();
  const [phone, setPhone] = useState("");
  const [isAsked, setAsked] = useState(false);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    const written = phone.trim();
    if (!written) return;
    setAsked(true);
    begin(written);
  };
  const wrong = isAsked && !isBusy && (refusal ? reason(refusal) : !progress?.code && t("link.noCode"));
  return (
    <form onSubmit={ask} noValidate>
      <Group align="flex-end" gap="sm">
        <TextInput
          flex="1 1 240px"
          label={t("link.phone")}
          description={t("link.phoneAbout")}
          type="tel"
          autoComplete="tel"
          dir="ltr"
          maxLength={40}
          value={phone}
          onChange={(event) => setPhone(event.currentTarget.value)}
          error={wrong ? <bdi>{wrong}</bdi> : undefined}
        />
        <Button type="submit" variant="default" loading={isBusy}>
          {t("link.getCode")}
        </Button>
      </Group>
    </form>
  );
}
